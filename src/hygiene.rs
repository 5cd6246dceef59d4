//! What the process does for itself before it holds a secret: no core dump, and
//! on Linux no other process of the user may read its memory or environment.

/// Applies what this system offers. A refusal is no reason to stop: the secrets are
/// then as safe as in any other program.
pub fn apply() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Core);
        // The hard limit stays, so that `exec` can give its child the old one back.
        SOFT_CORE_LIMIT.get_or_init(|| limit.current);
        limit.current = Some(0);
        let _ = setrlimit(Resource::Core, limit);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

#[cfg(unix)]
static SOFT_CORE_LIMIT: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();

/// Gives a child that is about to replace us the core limit that we were started with.
#[cfg(unix)]
pub fn restore_core_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    if let Some(&before) = SOFT_CORE_LIMIT.get() {
        let mut limit = getrlimit(Resource::Core);
        limit.current = before;
        let _ = setrlimit(Resource::Core, limit);
    }
}
