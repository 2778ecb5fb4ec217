use std::time::Duration;

use super::*;

#[test]
fn the_mean_is_weighted_by_time() {
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let mut stats = RequestStats::new(0);
    assert!(stats.mean().abs() < 1e-9);
    stats.enter(at(0));
    assert_eq!(stats.enter(at(2)), 2);
    stats.leave(at(3));
    stats.leave(at(4));
    assert!(
        (stats.mean() - 5.0 / 4.0).abs() < 1e-9,
        "one for two seconds, two for one, one for one"
    );
    assert_eq!((stats.now(), stats.max(), stats.count()), (0, 2, 2));
    stats.clear();
    assert_eq!((stats.max(), stats.count()), (0, 0));
}
