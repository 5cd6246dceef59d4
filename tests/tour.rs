//! The tour is what newcomers see first: it reaches its end and leaves no files.

mod support;

use std::process::Command;

#[test]
fn the_tour_reaches_its_end_and_leaves_no_files() {
    let profile = support::home::binary().parent().expect("it is in the profile's folder").to_owned();
    let name = profile.file_name().and_then(|name| name.to_str()).expect("our own folder");
    let temporary = tempfile::tempdir().expect("the folder for temporary files can be used");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "tour", "--profile", if name == "debug" { "dev" } else { name }])
        .arg("--target-dir")
        .arg(profile.parent().expect("a profile's folder is in the target folder"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TMPDIR", temporary.path())
        .output()
        .expect("cargo can be run");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    for part in ["\n1. Log in\n", "$ lokalise-auth whoami\n", "(exit code 4)\n", "Now for real"] {
        assert!(stdout.contains(part), "`{part}` is missing:\n{stdout}");
    }
    assert!(!stdout.contains('\x1b'), "no colour goes into a pipe");
    let left = std::fs::read_dir(temporary.path()).expect("our own folder").count();
    assert_eq!(left, 0, "files were left");
}
