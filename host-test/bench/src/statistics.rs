//! Medians, and figures that the system keeps of this process.

use std::time::Duration;

/// The middle value; 0 of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A figure of `/proc/self/status`; 0 where there is none.
pub(crate) fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

/// Seconds of the processor that this process has used, all threads together; 0 where the system does not say.
pub(crate) fn cpu_seconds() -> f64 {
    let ticks_per_second = 100.0; // USER_HZ, fixed by Linux's interface
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().skip(11).take(2));
    let ticks = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / ticks_per_second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        for (values, expected) in [
            (vec![], 0.0),
            (vec![2.0], 2.0),
            (vec![3.0, 1.0, 2.0], 2.0),
            (vec![9.0, 1.0], 9.0),
        ] {
            assert!((median(values) - expected).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn the_system_knows_this_process() {
        assert!(status_kib("VmRSS") > 0);
        assert!(cpu_seconds() >= 0.0);
        assert_eq!(status_kib("NoSuchFigure"), 0);
    }
}
