//! What delivery needs of the world outside: clocks, random numbers, pauses and the way to the collector. Everything
//! else is arguments and files, so that a simulation runs the very same code in time and network of its own.

use crate::http::{Answer, Client, HttpError};
use crate::os::{self, Now, OsError};
use std::pin::Pin;
use std::time::Duration;

/// Something that is waited for.
pub type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The world outside.
pub trait Machine: Send + Sync {
    /// Both clocks.
    ///
    /// # Errors
    /// A clock that stands before its start.
    fn now(&self) -> Result<Now, OsError>;

    /// Fills with random bytes; says whether there were any.
    fn random(&self, bytes: &mut [u8]) -> bool;

    /// A pause.
    fn sleep(&self, time: Duration) -> Wait<'static, ()>;

    /// Posts to a path of the collector and waits for the answer, at most so long.
    fn post(
        &self,
        path: &'static str,
        body: Vec<u8>,
        within: Duration,
    ) -> Wait<'_, Result<Answer, HttpError>>;

    /// A number from 0 to `below`, exclusive, for pauses; 0 if there are no random bytes.
    fn random_below(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        let _zeros_then = self.random(&mut bytes);
        u64::from_ne_bytes(bytes).checked_rem(below).unwrap_or(0)
    }
}

/// This machine, and a collector over HTTP.
pub struct Real(pub Client);

impl Machine for Real {
    fn now(&self) -> Result<Now, OsError> {
        os::now()
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }

    fn sleep(&self, time: Duration) -> Wait<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn post(
        &self,
        path: &'static str,
        body: Vec<u8>,
        within: Duration,
    ) -> Wait<'_, Result<Answer, HttpError>> {
        Box::pin(self.0.post(path, body, within))
    }
}
