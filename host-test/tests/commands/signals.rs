//! Signals: a run whose service has stalled ends soon, and the next one goes on from its last checkpoint.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::sync::{assert_same, start};
use super::{HOST_TEST, folder, host_test, lines, mock, write_config};

/// A second less is promised; this machine may be busy.
const LONGEST: Duration = Duration::from_secs(3);

#[test]
fn a_stalled_run_ends_soon_and_its_last_checkpoint_is_good() {
    let folder = folder("stalled");
    let path = |name: &str| folder.join(name).display().to_string();
    let mock = mock(60);
    let config = write_config(&folder, &mock.config_json())
        .display()
        .to_string();
    let (config, whole) = (config, format!("sqlite:{}", path("whole.sqlite")));
    let words = ["sync", "--config", &config, "--to", &whole];
    assert!(host_test(&words).status.success());
    let undisturbed = mock.request_count();
    for signal in ["TERM", "INT"] {
        // No answer at all, from the middle of the run on.
        let middle = undisturbed / 2;
        mock.set_faults(vec![format!("hang:after={middle}").parse().unwrap()]);
        mock.clear_requests();
        let begun = mock.request_count();
        let database = path(&format!("{signal}.sqlite"));
        let to = format!("sqlite:{database}");
        let mut command = Command::new(HOST_TEST);
        command.args(["sync", "--config", &config, "--to", &to]);
        let run = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while mock.request_count() < begun + middle || mock.in_flight() == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let signalled = Instant::now();
        let mut kill = Command::new("kill");
        kill.args(["-s", signal, &run.id().to_string()]);
        assert!(kill.status().unwrap().success());
        let output = run.wait_with_output().unwrap();
        let took = signalled.elapsed();
        assert!(took < LONGEST, "{signal}: {took:?}");
        assert_eq!(output.status.code(), Some(1), "{signal}");
        let last = lines(&output.stdout).pop().unwrap();
        assert_eq!(last["kind"], "cancelled", "{last}");

        mock.set_faults(Vec::new());
        mock.clear_requests();
        let before = mock.request_count();
        let resumed = start(&["--config", &config, "--to", &to]).wait().unwrap();
        assert!(resumed.success());
        assert_same(&database, &path("whole.sqlite"));
        let requests = mock.request_count() - before;
        assert!(
            requests < undisturbed,
            "{signal}: {requests} of {undisturbed}"
        );
    }
}
