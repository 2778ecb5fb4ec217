//! What a fleet uses, and how much of it. Past all of it, lags grow for as long as the fleet runs.

use super::Fleet;

/// What there is a limit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Runs at once, of all workers.
    Runs,
    /// Processors of all workers.
    Cores,
    /// Processors of PostgreSQL.
    Database,
    /// Requests a second of each site.
    Site,
}

/// How much of a resource is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Of what.
    pub resource: Resource,
    /// 1.0 is all of it.
    pub part: f64,
}

impl Resource {
    /// Whether more workers bring more of it.
    #[must_use]
    pub fn is_of_workers(self) -> bool {
        matches!(self, Self::Runs | Self::Cores)
    }

    /// For a person.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "the workers' runs at once",
            Self::Cores => "the workers' cores",
            Self::Database => "PostgreSQL",
            Self::Site => "each site",
        }
    }
}

impl Load {
    /// Whether more is asked for than there is.
    #[must_use]
    pub fn is_overloaded(self) -> bool {
        self.part > 1.0
    }
}

impl Fleet {
    /// How much of each resource is used with so many workers.
    #[must_use]
    pub fn loads(&self, workers: u32) -> Vec<Load> {
        let workers = f64::from(workers.max(1));
        let cpu = f64::from(self.cpu_ms) / 1_000.0;
        let run = f64::from(self.requests) * f64::from(self.latency_ms) / 1_000.0 + cpu;
        let rate = self.runs_a_second();
        let load = |resource, part| Load { resource, part };
        let mut loads = vec![
            load(
                Resource::Runs,
                rate * run / (workers * f64::from(self.runs)),
            ),
            load(
                Resource::Cores,
                rate * cpu / (workers * f64::from(self.cores)),
            ),
            load(
                Resource::Database,
                self.database_cores_needed() / f64::from(self.database_cores),
            ),
        ];
        if let Some(served) = self.site_requests_per_second {
            let asked = f64::from(self.connections_per_site) * f64::from(self.requests)
                / self.every.as_secs_f64();
            loads.push(load(Resource::Site, asked / f64::from(served)));
        }
        loads
    }

    /// The most overloaded resource with so many workers, if any is.
    #[must_use]
    pub fn overloaded(&self, workers: u32) -> Option<Load> {
        let loads = self.loads(workers).into_iter();
        loads
            .filter(|load| load.is_overloaded())
            .max_by(|one, other| one.part.total_cmp(&other.part))
    }

    pub(super) fn runs_a_second(&self) -> f64 {
        f64::from(self.connections) / self.every.as_secs_f64()
    }

    pub(super) fn database_cores_needed(&self) -> f64 {
        self.runs_a_second() * f64::from(self.database_ms) / 1_000.0
    }
}
