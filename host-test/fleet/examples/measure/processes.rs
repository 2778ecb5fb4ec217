//! What the system says of processes.

use anyhow::{Context as _, Result};
use connector_postgres::Address;

/// A second in the units of `/proc`, which Linux has fixed.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory of a process, in MiB.
pub(crate) fn resident_mib(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse::<f64>()? / 1024.0)
}

/// The processes of a PostgreSQL server.
pub(crate) struct ServerProcesses(u32);

impl ServerProcesses {
    pub(crate) async fn of(url: &str) -> Result<Self> {
        let client = Address::parse(url)?.connect().await?;
        let own: i32 = client
            .query_one("SELECT pg_backend_pid()", &[])
            .await?
            .get(0);
        let stat = Stat::read(u32::try_from(own)?).context("another machine's server")?;
        Ok(Self(stat.parent))
    }

    /// Seconds of the processor that all of them have used, those that have ended included.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
        let stats = ids.filter_map(|id| Some((id, Stat::read(id)?)));
        let ticks = stats.map(|(id, stat)| match (id == self.0, stat.parent == self.0) {
            (true, _) => stat.own_ticks + stat.ended_children_ticks,
            (_, true) => stat.own_ticks,
            _ => 0.0,
        });
        ticks.sum::<f64>() / TICKS_PER_SECOND
    }
}

struct Stat {
    parent: u32,
    own_ticks: f64,
    ended_children_ticks: f64,
}

impl Stat {
    fn read(process: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let number = |field: usize| fields.get(field)?.parse::<f64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own_ticks: number(11)? + number(12)?,
            ended_children_ticks: number(13)? + number(14)?,
        })
    }
}

/// Seconds of the processor that a process has used.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    Stat::read(process).map_or(0.0, |stat| stat.own_ticks) / TICKS_PER_SECOND
}
