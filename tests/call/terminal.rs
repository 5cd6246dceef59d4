//! `call` on a terminal: what a person sees, and what no answer can do to the terminal.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use super::Scene;
use crate::support::pty::{CTRL_C, Terminal};
use crate::support::standin::Answer;
use crate::support::wire::{Step, Wire, head};

/// The text on the terminal after the call, and its exit code.
fn seen(scene: &Scene, arguments: &[&str], vars: &[(&str, &str)]) -> (i32, String) {
    let mut terminal = Terminal::run(&scene.home, &[&["call"], arguments].concat(), vars);
    let (status, screen) = terminal.wait();
    (status.code().expect("no signal ended it"), screen)
}

#[test]
fn json_is_indented_and_coloured() {
    let scene = Scene::new();
    let body = Answer::json(200, &json!({"a": [1, null], "b": {}}));
    scene.standin.answer_always("GET", "/api2/projects", body);
    let (code, screen) = seen(&scene, &["GET", "/projects", "--color", "never"], &[]);
    assert_eq!((code, screen.as_str()), (0, "{\n  \"a\": [\n    1,\n    null\n  ],\n  \"b\": {}\n}\n"));
    let terminal = Terminal::run(&scene.home, &["call", "GET", "/projects"], &[]);
    terminal.wait_for("\"b\"");
    let colored = String::from_utf8_lossy(&terminal.written()).into_owned();
    assert!(colored.contains("\u{1b}[34;1m\"a\"\u{1b}[0m"), "{colored:?}");
    let terminal = Terminal::run(&scene.home, &["call", "GET", "/projects"], &[("NO_COLOR", "1")]);
    terminal.wait_for("\"b\"");
    assert!(!terminal.written().contains(&0x1b));
}

#[test]
fn nothing_in_an_answer_drives_the_terminal() {
    let scene = Scene::new();
    let evil = "\u{1b}]0;owned\u{7} \u{9b}31m \u{202e}x \u{7f}";
    let as_json = Answer::json(200, &json!({ evil: evil }));
    let as_text = Answer::new(200, evil).header("Content-Type", "text/plain");
    let as_error = Answer::error(404, evil);
    for (answer, arguments) in [
        (&as_json, &[][..]),
        (&as_json, &["-q", ".[]"]),
        (&as_json, &["-q", "."]),
        (&as_json, &["--ndjson"]),
        (&as_json, &["--paginate"]),
        (&as_text, &[]),
        (&as_error, &[]),
        (&as_error, &["-q", "."]),
    ] {
        scene.standin.answer_next("GET", "/api2/projects", answer.clone());
        let arguments = [&["call", "GET", "/projects", "--color", "never"], arguments].concat();
        let mut terminal = Terminal::run(&scene.home, &arguments, &[]);
        terminal.wait();
        let screen = String::from_utf8_lossy(&terminal.written()).into_owned();
        for evil in ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{7f}'] {
            assert!(!screen.contains(evil), "{arguments:?}: {screen:?}");
        }
        assert!(screen.contains("owned"), "{arguments:?}: {screen:?}");
    }
}

#[test]
fn headers_cannot_drive_the_terminal_where_the_body_is_not_shown() {
    let mut scene = Scene::new();
    let wire = Wire::before(scene.standin.address());
    scene.home.set("LOKALISE_API_URL", &wire.api_url());
    for arguments in [&["-i"][..], &["-i", "--silent"], &["-i", "--jq", ".a"]] {
        let answer = head("HTTP/1.1 200 OK\nX-Evil: \u{9b}31m\nContent-Length: 2");
        wire.answer_next("GET", "/api2/projects", vec![answer, Step::Send(b"{}".to_vec())]);
        let mut terminal = Terminal::run(&scene.home, &[&["call", "GET", "/projects"], arguments].concat(), &[]);
        terminal.wait();
        let screen = String::from_utf8_lossy(&terminal.written()).into_owned();
        assert!(screen.contains("x-evil: \\u{9b}31m"), "{arguments:?}: {screen:?}");
    }
    // A file is no terminal, whatever colour is asked for.
    let answer = head("HTTP/1.1 200 OK\nX-Evil: \u{9b}31m\nContent-Length: 2");
    wire.answer_next("GET", "/api2/projects", vec![answer, Step::Send(b"{}".to_vec())]);
    scene.call(&["GET", "/projects", "-i", "-o", "out", "--color", "always"]).quietly();
    let written = std::fs::read_to_string(scene.home.work().join("out")).expect("it was written");
    assert!(written.contains("x-evil: \u{9b}31m"), "{written:?}");
}

#[test]
fn ctrl_c_is_heard_while_stdin_is_read() {
    let scene = Scene::new();
    for arguments in [["--input", "-"], ["-F", "a=@-"]] {
        let mut terminal =
            Terminal::run(&scene.home, &[&["call", "-v", "POST", "/projects"], &arguments[..]].concat(), &[]);
        terminal.wait_for("reading standard input");
        terminal.send("half a line");
        terminal.send(CTRL_C);
        assert_eq!(terminal.wait().0.code(), Some(130), "{arguments:?}");
    }
    assert!(scene.standin.requests().is_empty());
}

#[test]
fn progress_is_shown_while_data_goes_elsewhere() {
    let scene = Scene::new();
    scene.standin.edit(|content| content.set_projects(120));
    scene.standin.answer_with(|_| {
        std::thread::sleep(Duration::from_millis(150));
        None
    });
    let arguments = ["call", "GET", "/projects?limit=30", "--paginate"];
    let program = crate::support::home::binary();
    let mut terminal = Terminal::of(&program, &scene.home, &arguments, &[], Some(Stdio::null()));
    terminal.wait_for(" of 120 projects");
    // The line is gone in the end.
    let (status, _) = terminal.wait();
    assert!(status.success() && terminal.written().ends_with(b"\r\x1b[K"), "{:?}", terminal.text());
    for quiet in [("ACCESSIBLE", "1"), ("TERM", "dumb")] {
        let mut terminal = Terminal::of(&program, &scene.home, &arguments, &[quiet], Some(Stdio::null()));
        let (status, screen) = terminal.wait();
        assert!(status.success() && screen.is_empty(), "{quiet:?}: {screen:?}");
    }
}

#[test]
fn a_download_to_a_file_has_a_bar() {
    let scene = Scene::new();
    let slow = || -> Box<dyn std::io::Read + Send> {
        struct Slow(usize);
        impl std::io::Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let count = buffer.len().min(self.0);
                // Two seconds in all, however small the pieces are that it is read in.
                std::thread::sleep(Duration::from_micros(count as u64));
                self.0 -= count;
                Ok(count)
            }
        }
        Box::new(Slow(2_000_000))
    };
    scene.standin.answer_next("GET", "/api2/projects", Answer::streamed(Some(2_000_000), slow));
    let mut terminal = Terminal::run(&scene.home, &["call", "GET", "/projects", "-o", "out"], &[]);
    terminal.wait_for(" of 2.0 MB");
    assert!(terminal.wait().0.success());
    assert_eq!(std::fs::metadata(scene.home.work().join("out")).expect("it was written").len(), 2_000_000);
}

#[test]
fn ctrl_c_ends_a_call_and_leaves_no_file() {
    let scene = Scene::new();
    scene.standin.answer_next("GET", "/api2/projects", Answer::new(200, "{}").after(Duration::from_secs(30)));
    let mut terminal = Terminal::run(&scene.home, &["call", "GET", "/projects", "-o", "out"], &[]);
    scene.standin.wait_for("GET", "/api2/projects", 1);
    terminal.send(CTRL_C);
    let (status, _) = terminal.wait();
    assert_eq!(status.code(), Some(130));
    assert_eq!(std::fs::read_dir(scene.home.work()).expect("our own folder").count(), 0);
}
