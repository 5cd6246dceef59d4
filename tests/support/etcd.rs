//! A real etcd on loopback, for one test: a fleet of machines shares its token in it.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::crowd::{needs, until};

/// A running etcd with a data folder of its own. It ends when it is dropped.
pub struct Etcd {
    server: Child,
    endpoint: String,
    _folder: TempDir,
}

impl Etcd {
    pub fn start() -> Self {
        needs("etcd", "etcd-server");
        needs("etcdctl", "etcd-client");
        // Another program may take a port after we looked whether it is free.
        (0..5).find_map(|_| Self::try_start()).expect("etcd starts on a free port")
    }

    /// `None` if it ended, as it does when a port is taken.
    fn try_start() -> Option<Self> {
        let folder = TempDir::with_prefix("lokalise-auth-etcd-").expect("the folder for temporary files can be used");
        let (client, peer) = (free_address(), free_address());
        let server = Command::new("etcd")
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--name", "one", "--initial-cluster", &format!("one={peer}")])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd can be run");
        let mut etcd = Self { server, endpoint: client, _folder: folder };
        let mut has_ended = false;
        until("etcd that answers", || {
            has_ended = etcd.server.try_wait().expect("our own child").is_some();
            has_ended || etcd.ctl(&["endpoint", "health"]).output().is_ok_and(|output| output.status.success())
        });
        (!has_ended).then_some(etcd)
    }

    /// The command that prints what is kept under a key.
    pub fn get_command(&self, key: &str) -> String {
        format!("etcdctl --endpoints={} get --print-value-only {key}", self.endpoint)
    }

    /// The command that keeps its stdin under a key.
    pub fn put_command(&self, key: &str) -> String {
        format!("etcdctl --endpoints={} put {key}", self.endpoint)
    }

    /// Keeps a value under a key.
    pub fn put(&self, key: &str, value: &str) {
        let mut command = self.ctl(&["put", key]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("etcdctl can be run");
        child.stdin.take().expect("stdin is piped").write_all(value.as_bytes()).expect("etcdctl reads");
        assert!(child.wait().expect("our own child").success());
    }

    fn ctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("etcdctl");
        command.arg(format!("--endpoints={}", self.endpoint)).args(arguments).env("ETCDCTL_API", "3");
        command
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    format!("http://{}", listener.local_addr().expect("it is bound"))
}
