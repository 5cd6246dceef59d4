//! The file of `-o`: which links lead to it.

use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::{fs, io};

use super::Scene;
use crate::support::{crowd, say};

const NOBODY: u32 = 65534;

#[test]
fn a_link_of_another_user_is_not_followed() {
    if !crowd::root() {
        return say("  skipped: only root can make a link of another user; run as root");
    }
    let scene = Scene::new();
    let shared = scene.home.work().join("shared");
    fs::create_dir(&shared).expect("our own folder");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("our own folder");
    scene.file("notes", "our notes");
    scene.standin.forget_requests();
    let theirs = |name: &str, target: &str| -> io::Result<()> {
        symlink(target, shared.join(name))?;
        lchown(shared.join(name), Some(NOBODY), Some(NOBODY))
    };
    theirs("out.json", "../notes").expect("root gives links away");
    theirs("folder", "..").expect("root gives links away");
    symlink("../notes", shared.join("ours")).expect("our own folder");
    for path in ["shared/out.json", "shared/folder/notes", "shared/folder/new"] {
        let ran = scene.call(&["GET", "/projects", "-o", path]);
        assert!(ran.failed(1).contains("` is a link of another user, in a folder that others can write to"), "{path}");
        assert_eq!(fs::read_to_string(scene.home.work().join("notes")).expect("it is there"), "our notes");
    }
    assert!(scene.standin.requests().is_empty(), "it is seen before anything is sent");
    let pipe = shared.join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o666.into(), 0).expect("a pipe");
    chown(&pipe, Some(NOBODY), Some(NOBODY)).expect("root gives pipes away");
    let ran = scene.call(&["GET", "/projects", "-o", "shared/pipe"]);
    assert!(ran.failed(1).contains("` is a pipe or device of another user"), "{}", ran.stderr);
    assert_eq!(scene.call(&["GET", "/projects", "-o", "shared/ours"]).code, 0);
    assert!(fs::read_to_string(scene.home.work().join("notes")).expect("it is there").contains("projects"));
}
