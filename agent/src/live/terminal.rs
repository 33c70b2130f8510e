//! The loop on the screen. Sweeps, keys and signals each come from a thread of their own, so that keys answer at once
//! however long a sweep takes. Whatever ends the loop, the terminal is as it was before.

use super::LiveError;
use super::screen;
use super::state::State;
use crate::reading::Reading;
use crate::sampling::Sweep;
use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Events that wait to be handled; a thread that has more waits itself.
const WAITING_MAX: usize = 16;

/// What comes in from outside.
struct Inputs {
    readings: Receiver<Result<Reading, String>>,
    events: Receiver<io::Result<Event>>,
    stops: Receiver<()>,
}

/// Shows refreshes until a key or a signal ends it.
pub(super) fn run(sweep: Sweep, every: Duration, host: &str) -> Result<(), LiveError> {
    let stops = signals()?;
    // A panic of any thread restores the terminal before it is reported.
    let shown = ratatui::try_init().map_err(LiveError::Terminal).and_then(|mut terminal| {
        let readings = thread("sweeps", 1, move |out| sweeps(sweep, every, &out))?;
        let events = thread("keys", WAITING_MAX, |out| keys(&out))?;
        show(&mut terminal, State::new(host), &Inputs { readings, events, stops })
    });
    let restored = ratatui::try_restore().map_err(LiveError::Terminal);
    shown.and(restored)
}

fn show(terminal: &mut DefaultTerminal, mut state: State, inputs: &Inputs) -> Result<(), LiveError> {
    loop {
        terminal.draw(|frame| screen::draw(frame, &mut state)).map_err(LiveError::Terminal)?;
        select_biased! {
            recv(inputs.stops) -> stop => return stop.map_err(|_| LiveError::Ended("waiting for signals")),
            recv(inputs.events) -> event => {
                let event = event.map_err(|_| LiveError::Ended("reading keys"))?;
                // A new size is drawn like everything else.
                if let Event::Key(key) = event.map_err(LiveError::Terminal)?
                    && state.press(key).is_break()
                {
                    return Ok(());
                }
            }
            recv(inputs.readings) -> swept => {
                state.take(swept.map_err(|_| LiveError::Ended("sampling"))?);
            }
        }
    }
}

/// Runs `work` beside the screen; what it sends comes out of the channel. It ends with the process.
fn thread<T: Send + 'static>(
    name: &str,
    waiting_max: usize,
    work: impl FnOnce(Sender<T>) + Send + 'static,
) -> Result<Receiver<T>, LiveError> {
    let (sender, receiver) = bounded(waiting_max);
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(sender));
    started.map(|_runs_on| receiver).map_err(LiveError::System)
}

fn sweeps(mut sweep: Sweep, every: Duration, out: &Sender<Result<Reading, String>>) {
    let ticks = crossbeam_channel::tick(every);
    while out.send(sweep(true)).is_ok() && ticks.recv().is_ok() {}
}

fn keys(out: &Sender<io::Result<Event>>) {
    loop {
        let event = event::read();
        let is_last = event.is_err();
        if out.send(event).is_err() || is_last {
            return;
        }
    }
}

/// One message when the process is told to end.
fn signals() -> Result<Receiver<()>, LiveError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(LiveError::System)?;
    let listen = |kind| {
        let _inside = runtime.enter();
        signal(kind).map_err(LiveError::System)
    };
    let (term, int, hup) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?);
    thread("signals", 1, move |out| {
        runtime.block_on(any(term, int, hup));
        // Nobody listens any more if the screen ended just now.
        let _gone = out.send(());
    })
}

async fn any(mut term: Signal, mut int: Signal, mut hup: Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        _ = hup.recv() => {}
    }
}
