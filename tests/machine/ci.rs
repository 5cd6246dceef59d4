//! GitHub Actions: the mask goes where the runner reads it and into no file, and a variable gets a line of its own.

use std::fs::{self, File};

use super::{Scene, code, stderr, stdout};

fn in_actions() -> Scene {
    let mut scene = Scene::new();
    scene.home.set("GITHUB_ACTIONS", "true");
    scene.home.set("CI", "true");
    scene
}

#[test]
fn a_mask_goes_to_a_pipe_and_into_no_file() {
    let scene = in_actions();
    let mask = format!("::add-mask::{}\n", scene.standin.api_token());
    assert_eq!(stderr(&scene.run(&["exec", "--", "true"])), mask);
    assert_eq!(
        stdout(&scene.run(&["token", "print", "--format", "github"])).split_inclusive('\n').next(),
        Some(&*mask)
    );
    let (out, err) = (scene.home.path().join("out"), scene.home.path().join("err"));
    let new = |path| File::create(path).expect("our own folder");
    for arguments in [&["exec", "--", "true"][..], &["token", "print", "--format", "github"]] {
        let mut command = scene.home.command(arguments);
        let status = command.stdout(new(&out)).stderr(new(&err)).status().expect("the program can be run");
        assert!(status.success());
        for path in [&out, &err] {
            assert!(!fs::read_to_string(path).expect("our own file").contains("::add-mask::"), "{arguments:?}");
        }
    }
    // With one of the two in a file, the runner still learns it where it can.
    let output = scene.home.command(["token", "print", "--format", "github"]).stdout(new(&out)).output();
    assert_eq!(stderr(&output.expect("the program can be run")), mask);
}

#[test]
fn a_variable_for_later_steps_gets_a_line_of_its_own() {
    let scene = in_actions();
    let file = scene.home.path().join("env");
    let line = format!("LOKALISE_API_TOKEN={}\n", scene.standin.api_token());
    for (before, after) in [("", ""), ("A=b\n", "A=b\n"), ("A=b", "A=b\n")] {
        fs::write(&file, before).expect("our own folder");
        let output = scene
            .run_with(&["token", "print", "--format", "github"], &[("GITHUB_ENV", file.to_str().expect("a path"))]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(fs::read_to_string(&file).expect("our own file"), format!("{after}{line}"));
    }
    for path in ["/dev/zero", "/"] {
        let output = scene.run_with(&["token", "print", "--format", "github"], &[("GITHUB_ENV", path)]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        assert!(stderr(&output).contains("the file that GITHUB_ENV names cannot be written"), "{}", stderr(&output));
    }
}
