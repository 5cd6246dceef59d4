//! The signals that end the process, and what Ctrl-Z and Ctrl-\ do while it shows a prompt. Commands
//! report the first signal in their own words; on Unix a second Ctrl-C ends the process without a message.

use crate::error::{Error, ErrorKind};

#[cfg(unix)]
pub use unix::{PromptShown, SignalsBeforeExec, quit, wait_for_children};

/// The requests to end: Ctrl-C, and on Unix SIGTERM and SIGHUP.
pub struct Signals {
    #[cfg(unix)]
    streams: Option<[tokio::signal::unix::Signal; 3]>,
    /// `nohup` started us: SIGHUP does not end the run.
    #[cfg(unix)]
    outlives_the_terminal: bool,
}

impl Signals {
    /// Listens from here on. On Unix the second Ctrl-C (or SIGTERM) ends the process at once, even
    /// during work that never yields, because the runtime takes no part in it.
    pub fn listen() -> Self {
        #[cfg(unix)]
        unix::end_at_the_second();
        Self {
            #[cfg(unix)]
            streams: unix::streams().ok(),
            #[cfg(unix)]
            outlives_the_terminal: false,
        }
    }

    /// The same for a command that `nohup` may have started, to go on when the terminal is gone.
    #[cfg(unix)]
    pub fn listen_under_nohup() -> Self {
        let outlives_the_terminal = unix::is_hangup_ignored();
        Self { outlives_the_terminal, ..Self::listen() }
    }

    #[cfg(not(unix))]
    pub fn listen_under_nohup() -> Self {
        Self::listen()
    }

    /// The next request, as the error that a command ends with.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Error {
        let Some([interrupt, terminate, hangup]) = &mut self.streams else { return std::future::pending().await };
        loop {
            tokio::select! {
                _ = interrupt.recv() => return unix::interrupted(),
                _ = terminate.recv() => return unix::terminated(),
                _ = hangup.recv() => {
                    if !self.outlives_the_terminal {
                        return Error::new(ErrorKind::Terminated, "the terminal has gone away");
                    }
                }
            }
        }
    }

    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Error {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Error::new(ErrorKind::Interrupted, "interrupted"),
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal, Read};
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    use signal_hook::{flag, low_level};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::error::{Error, ErrorKind};

    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    static TERMINATED: AtomicBool = AtomicBool::new(false);
    /// While this is true, Ctrl-Z stops the process and Ctrl-\ ends it, as they do by default.
    static ACTS_BY_ITSELF: AtomicBool = AtomicBool::new(true);

    /// More than `/proc/self/status` ever holds.
    const MAX_STATUS_BYTES: usize = 16 * 1024;

    pub(super) fn streams() -> io::Result<[Signal; 3]> {
        Ok([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?])
    }

    /// Whether `nohup` started us: SIGHUP is ignored, and no terminal is read from. Ask before anything
    /// listens for SIGHUP. Where the system does not list ignored signals, the answer is no.
    #[expect(clippy::disallowed_methods, reason = "signals are set up before there is a World")]
    pub(super) fn is_hangup_ignored() -> bool {
        ignored_signals().is_some_and(|ignored| is_in(ignored, SIGHUP)) && !io::stdin().is_terminal()
    }

    /// The signals that this process ignores, one bit for each; `None` where the system does not list them.
    fn ignored_signals() -> Option<u64> {
        // With the capacity and the limit it is one read; otherwise it would be six.
        let mut status = String::with_capacity(MAX_STATUS_BYTES);
        let _ = std::fs::File::open("/proc/self/status")
            .and_then(|file| file.take(MAX_STATUS_BYTES as u64).read_to_string(&mut status));
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        u64::from_str_radix(mask?.trim(), 16).ok()
    }

    fn is_in(signals: u64, number: i32) -> bool {
        signals >> (number - 1) & 1 == 1
    }

    /// Ctrl-C and SIGTERM, before another program takes the place of this process. A signal that our parent made us
    /// ignore stays ignored, and the program inherits that. Where the system does not list such signals, none is
    /// listened for, and each has its default action.
    pub struct SignalsBeforeExec {
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
    }

    impl SignalsBeforeExec {
        pub fn listen() -> Self {
            let ignored = ignored_signals();
            let listen = |number: i32, received: &'static AtomicBool| {
                ignored.filter(|ignored| !is_in(*ignored, number))?;
                flag::register(number, received).ok()?;
                signal(SignalKind::from_raw(number)).ok()
            };
            Self { interrupt: listen(SIGINT, &INTERRUPTED), terminate: listen(SIGTERM, &TERMINATED) }
        }

        /// The next signal, as the error that a command ends with.
        pub async fn next(&mut self) -> Error {
            tokio::select! {
                Some(()) = received(&mut self.interrupt) => interrupted(),
                Some(()) = received(&mut self.terminate) => terminated(),
                else => std::future::pending().await,
            }
        }

        /// Fails if a signal has arrived already. Call it last, since from now on the program has to get them.
        pub fn none_so_far(&self) -> Result<(), Error> {
            match (INTERRUPTED.load(Ordering::SeqCst), TERMINATED.load(Ordering::SeqCst)) {
                (true, _) => Err(interrupted()),
                (_, true) => Err(terminated()),
                _ => Ok(()),
            }
        }
    }

    async fn received(stream: &mut Option<Signal>) -> Option<()> {
        stream.as_mut()?.recv().await
    }

    pub(super) fn interrupted() -> Error {
        Error::new(ErrorKind::Interrupted, "interrupted")
    }

    pub(super) fn terminated() -> Error {
        Error::new(ErrorKind::Terminated, "terminated")
    }

    pub(super) fn end_at_the_second() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // In this order: the first signal must not find what it leaves for the second. A refusal
            // leaves us with the first signal alone, as most programs are.
            let _ = flag::register_conditional_shutdown(SIGINT, 130, &INTERRUPTED);
            let _ = flag::register_conditional_shutdown(SIGTERM, 143, &TERMINATED);
            let _ = flag::register(SIGTERM, &TERMINATED);
            let _ = flag::register(SIGINT, &INTERRUPTED);
        });
    }

    /// While it exists, Ctrl-Z and Ctrl-\ go to their listeners instead of stopping and ending the process.
    pub struct PromptShown(());

    impl PromptShown {
        /// The listeners for Ctrl-Z and for Ctrl-\ with it. tokio cannot remove a handler: from the
        /// first prompt on, our own handler does the default action.
        pub fn start() -> io::Result<(Self, Signal, Signal)> {
            static DEFAULT_ACTIONS: Once = Once::new();
            DEFAULT_ACTIONS.call_once(|| {
                for key in [SIGTSTP, SIGQUIT] {
                    let _ = flag::register_conditional_default(key, &ACTS_BY_ITSELF);
                }
            });
            let stops = signal(SignalKind::from_raw(SIGTSTP))?;
            let quits = signal(SignalKind::quit())?;
            ACTS_BY_ITSELF.store(false, Ordering::SeqCst);
            Ok((Self(()), stops, quits))
        }
    }

    /// Makes it possible to wait for children. A parent may ignore SIGCHLD, and we inherit that; the system then forgets
    /// a child as soon as it ends. With any handler the system remembers it, and programs that we start or become
    /// have the default action again.
    pub fn wait_for_children() {
        static IGNORED: AtomicBool = AtomicBool::new(false);
        let _ = flag::register(SIGCHLD, &IGNORED);
    }

    /// Ends the process as Ctrl-\ does by default.
    pub fn quit() {
        let _ = low_level::emulate_default_handler(SIGQUIT);
    }

    impl Drop for PromptShown {
        fn drop(&mut self) {
            ACTS_BY_ITSELF.store(true, Ordering::SeqCst);
        }
    }
}
