//! A process that is hardly ever busy: a short burst of CPU every second, until it is ended.

use std::time::{Duration, Instant};

/// From one burst to the next.
const EVERY: Duration = Duration::from_secs(1);
/// Length of a burst.
const BURST: Duration = Duration::from_micros(50);

fn main() {
    loop {
        let begun = Instant::now();
        while begun.elapsed() < BURST {
            std::hint::spin_loop();
        }
        std::thread::park_timeout(EVERY);
    }
}
