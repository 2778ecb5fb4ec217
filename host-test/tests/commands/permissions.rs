//! Files that other users of the machine can read, write or replace.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{folder, host_test, lines, mock, write_config};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Who can change a configuration sends the token elsewhere, and who can replace the rows or the state forges them.
#[test]
fn a_person_is_told_what_others_can_read_change_or_replace() {
    let mock = mock(3);
    let folder = folder("shared-files");
    let config = write_config(&folder, &mock.config_json());
    let path = |name: &str| folder.join(name).display().to_string();
    let target = format!("sqlite:{}", path("rows.sqlite"));
    let (config_path, state) = (path("config.json"), path("state.json"));
    let words = [
        "sync",
        "--streams",
        "spaces",
        "--config",
        &config_path,
        "--to",
        &target,
        "--state",
        &state,
    ];
    let replaceable = [
        "rows.sqlite can be replaced by other users",
        "state.json can be replaced by other users",
    ];
    for (config_mode, folder_mode, told) in [
        (0o600, 0o755, &[][..]),
        (0o640, 0o755, &["can be read by other users (mode 640)"]),
        (0o622, 0o755, &["can be changed by other users (mode 622)"]),
        (0o600, 0o777, &replaceable),
        // As in /tmp, where nobody can replace what is another's.
        (0o600, 0o1777, &[]),
    ] {
        set_mode(&config, config_mode);
        set_mode(&folder, folder_mode);
        let output = host_test(&words);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        let warnings: Vec<_> = log
            .lines()
            .filter(|line| line.starts_with("warn"))
            .collect();
        assert_eq!(warnings.len(), told.len(), "{log}");
        for expected in told {
            assert!(log.contains(expected), "{log}");
        }
    }
    set_mode(&folder, 0o755);
    set_mode(Path::new(&state), 0o666);
    let refused = lines(&host_test(&words).stdout).pop().unwrap();
    assert_eq!(refused["kind"], "invalid_state", "{refused}");
}
