//! Protection of the process before it holds a secret: it dumps no core, and on
//! Linux no other process of the user can read its memory or environment.

/// Applies the protection that this system offers. If it refuses, the run goes on: the secrets are
/// then as safe as in most programs.
pub fn apply() {
    #[cfg(unix)]
    dump_no_core();
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// The hard limit stays, so that a command that we run can get the old limit back.
#[cfg(unix)]
pub fn dump_no_core() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Core);
    SOFT_CORE_LIMIT.get_or_init(|| limit.current);
    limit.current = Some(0);
    let _ = setrlimit(Resource::Core, limit);
}

#[cfg(unix)]
static SOFT_CORE_LIMIT: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();

/// The core limit that we were started with, for the command that is about to be run.
#[cfg(unix)]
pub fn restore_core_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    if let Some(&before) = SOFT_CORE_LIMIT.get() {
        let mut limit = getrlimit(Resource::Core);
        limit.current = before;
        let _ = setrlimit(Resource::Core, limit);
    }
}
