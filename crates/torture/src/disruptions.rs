//! What happens to Bough and to branch servers meanwhile. Each is a line in [`DISRUPTIONS`].

use std::time::{Duration, Instant};

use bough_engine::killpoint;
use bough_testkit::Bough;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::chance::Chance;

/// Longest wait for a kill point after the round, in milliseconds; then Bough is killed wherever it is.
const POINT_LIMIT_MS: u64 = 1_500;
/// How long something stands still, in milliseconds.
const STILL_MS: (u64, u64) = (50, 1_500);

/// A kind of thing that happens.
pub struct Disruption {
    /// How often, beside the others.
    pub weight: usize,
    /// Before the round; answers what it is called.
    pub prepare: fn(&mut Scene<'_>) -> String,
    /// During the round.
    pub run: fn(&mut Scene<'_>, &mut String),
}

/// Everything that happens.
pub const DISRUPTIONS: &[Disruption] = &[
    Disruption { weight: 1, prepare: |_| "nothing".to_owned(), run: |_, _| {} },
    Disruption { weight: 5, prepare: |_| "kill -9 of Bough".to_owned(), run: |scene, _| scene.kill_bough() },
    Disruption { weight: 10, prepare: |scene| scene.arm(), run: |scene, what| scene.await_point(what) },
    Disruption {
        weight: 4,
        prepare: |_| "kill -9 of a server".to_owned(),
        run: |scene, _| scene.kill_servers(1),
    },
    Disruption {
        weight: 2,
        prepare: |_| "kill -9 of some servers".to_owned(),
        run: |scene, _| scene.kill_servers(4),
    },
    Disruption {
        weight: 3,
        prepare: |_| "a server stands still".to_owned(),
        run: |scene, _| scene.hold_server(),
    },
    Disruption {
        weight: 2,
        prepare: |_| "Bough stands still".to_owned(),
        run: |scene, _| scene.hold_bough(),
    },
    Disruption {
        weight: 4,
        prepare: |_| "kill -9 of a server, then of Bough".to_owned(),
        run: |scene, _| {
            scene.kill_servers(1);
            scene.kill_bough();
        },
    },
    Disruption {
        weight: 3,
        prepare: |_| "a server stands still while Bough dies".to_owned(),
        run: |scene, _| {
            scene.hold_server();
            scene.kill_bough();
        },
    },
    Disruption {
        weight: 3,
        prepare: |scene| format!("{}, and kill -9 of a server", scene.arm()),
        run: |scene, what| {
            scene.kill_servers(1);
            scene.await_point(what);
        },
    },
    Disruption {
        weight: 1,
        prepare: |_| "kill -9 of everything".to_owned(),
        run: |scene, _| {
            scene.kill_bough();
            scene.kill_servers(usize::MAX);
        },
    },
    Disruption {
        weight: 1,
        prepare: |_| "an ordinary stop".to_owned(),
        run: |scene, _| {
            scene.pause();
            scene.bough.stop();
            scene.gone = true;
        },
    },
];

/// One round as those who disrupt it see it.
pub struct Scene<'a> {
    pub bough: &'a mut Bough,
    chance: Chance,
    end: Instant,
    length: Duration,
    gone: bool,
    held: Vec<Pid>,
}

impl<'a> Scene<'a> {
    pub fn new(bough: &'a mut Bough, chance: Chance, length: Duration) -> Self {
        Self { bough, chance, end: Instant::now() + length, length, gone: false, held: Vec::new() }
    }

    /// Whether Bough does not run any more.
    pub const fn is_bough_gone(&self) -> bool {
        self.gone
    }

    /// Some time within the round.
    fn pause(&mut self) {
        let most = u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX);
        std::thread::sleep(Duration::from_millis(self.chance.between(0, most)));
    }

    pub fn wait_for_the_end(&self) {
        std::thread::sleep(self.end.saturating_duration_since(Instant::now()));
    }

    fn kill_bough(&mut self) {
        self.pause();
        self.bough.kill();
        self.gone = true;
    }

    fn servers(&self) -> Vec<Pid> {
        self.bough
            .branch_servers()
            .into_iter()
            .filter_map(|pid| i32::try_from(pid).ok())
            .map(Pid::from_raw)
            .collect()
    }

    fn kill_servers(&mut self, most: usize) {
        self.pause();
        let mut servers = self.servers();
        for _ in 0..most.min(servers.len()) {
            let server = servers.swap_remove(self.chance.below(servers.len()));
            // It may have ended by itself.
            let _ = kill(server, Signal::SIGKILL);
        }
    }

    fn hold_server(&mut self) {
        self.pause();
        if let Some(server) = self.chance.one(&self.servers()).copied()
            && kill(server, Signal::SIGSTOP).is_ok()
        {
            self.held.push(server);
        }
        self.stand();
    }

    fn hold_bough(&mut self) {
        self.pause();
        let Ok(pid) = i32::try_from(self.bough.pid()) else { return };
        if kill(Pid::from_raw(pid), Signal::SIGSTOP).is_ok() {
            self.held.push(Pid::from_raw(pid));
        }
        self.stand();
    }

    fn stand(&mut self) {
        std::thread::sleep(Duration::from_millis(self.chance.between(STILL_MS.0, STILL_MS.1)));
    }

    pub fn let_all_go_on(&mut self) {
        for pid in self.held.drain(..) {
            let _ = kill(pid, Signal::SIGCONT);
        }
    }

    /// Starts Bough anew, to die at a point.
    fn arm(&mut self) -> String {
        // The template is made once, before anything else.
        let mut points = killpoint::all_points();
        points.retain(|point| !point.starts_with("template."));
        let point = self.chance.one(&points).expect("a point").clone();
        self.bough.kill();
        self.bough.serve_with_env(&[(killpoint::KILL_AT, &point)]);
        self.bough.wait_ready();
        self.end = Instant::now() + self.length;
        format!("kill point {point}")
    }

    fn await_point(&mut self, what: &mut String) {
        let limit = self.end + Duration::from_millis(POINT_LIMIT_MS);
        while Instant::now() < limit {
            if self.bough.ended().is_some() {
                self.gone = true;
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        what.push_str(", not reached, killed");
        self.bough.kill();
        self.gone = true;
    }
}
