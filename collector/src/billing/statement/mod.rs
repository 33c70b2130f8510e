//! Statements: one a customer and billing month, with a number without gaps, never changed.
//!
//! A month is closed by the charge run once it is over and its hours are charged (after the lag limit what did not come
//! is not waited for). Every movement of a balance stands in exactly one statement: a charge in that of its hour's
//! month, a payment in that of its time; what comes for a closed month stands in the next one, a charge linked to its
//! hour. So opening balance and movements make up the closing balance, to the micro-unit.

mod body;
mod close;
mod csv;
mod gather;
mod list;
mod pdf;
mod period;
mod tax;

pub use body::{ChargeSum, CorrectionSum, Day, Movement, Statement, Tax, TaxLine};
pub use close::close_due;
pub use csv::csv;
pub use list::{Correction, Found, Place, corrections, find, list};
pub use pdf::{PdfError, pdf};
pub use period::{Closed, Posting};

pub(super) use gather::{Bounds, Late, gather};
pub(super) use list::read;
