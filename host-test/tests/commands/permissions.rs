//! Files that other users of the machine can read, write or replace.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use mock_confluence::BaseUrl;

use super::{folder, host_test, lines, mock, write_config};

const STRANGER: u32 = 1234;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Does what succeeds, with these warnings and no others. Whose the folders are that this workspace is in is no matter.
fn assert_told(words: &[&str], told: &[&str]) {
    let output = host_test(words);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let above_the_tests = |line: &&str| {
        let below = format!("users: {}/", env!("CARGO_TARGET_TMPDIR"));
        line.contains(", a folder above it,") && !line.contains(&below)
    };
    let warnings = log.lines().filter(|line| line.starts_with("warn"));
    let warnings = warnings.filter(|line| !above_the_tests(line));
    assert_eq!(warnings.count(), told.len(), "{log}");
    for expected in told {
        assert!(log.contains(expected), "{log}");
    }
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
        (
            0o666,
            0o755,
            &["can be read and changed by other users (mode 666)"],
        ),
        (0o622, 0o755, &["can be changed by other users (mode 622)"]),
        (0o600, 0o777, &replaceable),
        // As in /tmp, where nobody can replace what is another's.
        (0o600, 0o1777, &[]),
    ] {
        set_mode(&config, config_mode);
        set_mode(&folder, folder_mode);
        assert_told(&words, told);
    }
    set_mode(&folder, 0o755);
    set_mode(Path::new(&state), 0o666);
    let refused = lines(&host_test(&words).stdout).pop().unwrap();
    assert_eq!(refused["kind"], "invalid_state", "{refused}");
}

/// The configuration decides where the token is sent, wherever the token is.
#[test]
fn a_configuration_of_others_is_told_without_a_secret_in_it() {
    let mock = mock(1);
    let folder = folder("others-configuration");
    let mut fields = mock.config_json();
    let token = fields["api_token"].take();
    let token_file = folder.join("token");
    fs::write(&token_file, token.as_str().unwrap()).unwrap();
    set_mode(&token_file, 0o600);
    let config = write_config(&folder, &fields);
    let (config_path, token_path) = (config.display().to_string(), token_file.display());
    let token_path = token_path.to_string();
    let words = [
        "validate",
        "--config",
        &config_path,
        "--token-file",
        &token_path,
    ];
    let changed = "config.json says where the token is sent and can be changed by other users";
    for (mode, told) in [(0o644, &[][..]), (0o646, &[changed]), (0o666, &[changed])] {
        set_mode(&config, mode);
        assert_told(&words, told);
    }
    set_mode(&config, 0o644);
    // Root alone can give a file away.
    if chown(&config, Some(STRANGER), None).is_ok() {
        assert_told(&words, &["config.json belongs to another user"]);
    }
}

/// Who can replace a configuration sends the token elsewhere too.
#[test]
fn a_configuration_that_is_written_where_others_can_replace_it_is_told() {
    let mock = mock(1);
    let folder = folder("replaceable-configuration");
    let path = |name: &str| folder.join(name).display().to_string();
    let config = write_config(&folder, &mock.config_json());
    let config = config.display().to_string();
    let fields = mock.config_json();
    fs::write(path("token"), fields["api_token"].as_str().unwrap()).unwrap();
    set_mode(Path::new(&path("token")), 0o600);
    fs::create_dir(path("out")).unwrap();
    let (site, token) = (mock.base_url(BaseUrl::Site), path("token"));
    let (new, out) = (path("out/new.json"), path("out"));
    let email = fields["username"].as_str().unwrap();
    let init = [
        &["init", "--force", "--site", &site, "--email", email][..],
        &["--token-file", &token, "--out", &new],
    ]
    .concat();
    let plan = ["plan", "--config", &config, "--shards", "2", "--out", &out];
    for (mode, init_told, plan_told) in [
        (0o755, &[][..], &[][..]),
        (0o1777, &[], &[]),
        (
            0o777,
            &["out/new.json can be replaced by other users"],
            &["out/shard-1-of-2.json can be replaced by other users"],
        ),
    ] {
        set_mode(Path::new(&out), mode);
        assert_told(&init, init_told);
        assert_told(&plan, plan_told);
    }
}

#[test]
fn a_folder_above_that_others_can_write_is_told_once() {
    let mock = mock(1);
    let folder = folder("shared-above");
    let path = |name: &str| folder.join(name).display().to_string();
    let config = write_config(&folder, &mock.config_json());
    let config = config.display().to_string();
    fs::create_dir_all(path("shared/own")).unwrap();
    let sync = ["sync", "--streams", "spaces", "--config", &config, "--to"];
    let (rows, state) = (path("shared/own/rows.sqlite"), path("shared/own/state"));
    let sqlite = format!("sqlite:{rows}");
    let jsonl = format!("jsonl:{}", path("shared/sub"));
    let into_sqlite = [&sync[..], &[&sqlite, "--state", &state]].concat();
    let into_folder = [&sync[..], &[&jsonl]].concat();
    let shared = Path::new(&path("shared")).to_owned();
    let written = "shared, a folder above it, can be written by other users";
    for (mode, told) in [(0o755, &[][..]), (0o777, &[written]), (0o1777, &[])] {
        set_mode(&shared, mode);
        assert_told(&into_sqlite, told);
        assert_told(&into_folder, told);
    }
    if chown(&shared, Some(STRANGER), None).is_ok() {
        let owned = "shared, a folder above it, belongs to another user";
        assert_told(&into_sqlite, &[owned]);
        assert_told(&into_folder, &[owned]);
    }
}
