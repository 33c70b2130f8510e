//! The JSON API: state that handlers share, errors, who is calling, and the routes.

pub mod caller;
pub mod problem;
pub mod state;

pub use caller::{Admin, Reader};
pub use problem::Problem;
pub use state::{App, AppState};
