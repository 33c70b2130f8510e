//! Pages and charts: view data in, HTML and SVG out. Knows no store, no socket and no clock.
//!
//! The collector fills the structs of [`view`] and calls one function a page; [`static_file`] answers
//! everything under [`STATIC_PREFIX`]. Pages work without JavaScript and hold no inline style and no inline
//! script, so `Content-Security-Policy: default-src 'self'` fits all of them.
//!
//! Addresses that pages link to:
//!
//! | address | page |
//! | --- | --- |
//! | `GET /login`, `POST /login` (`user`, `password`, `csrf`, `next`) | [`login_page`] |
//! | `POST /logout` (`csrf`) | – |
//! | `/` | [`overview_page`]; an admin is sent on to `/admin/hosts` |
//! | `/accounts/{user@host}?range=1h\|24h` | [`account_page`] |
//! | `/admin/hosts`, `/admin/hosts/{name}?range=1h\|24h` | [`hosts_page`], [`host_page`] |
//! | `/admin/accounts` | [`accounts_page`] |
//! | `/admin/customers`, `/admin/customers/{id}` | [`customers_page`], [`customer_page`] |
//! | `/admin/customers/{id}/money`; `POST …/adjust` (`csrf`, `key`, `kind`, `amount`, `reason`), `POST …/refund` | [`money_page`] |
//! | `/admin/alerts` | [`alerts_page`] |

mod assets;
mod chart;
mod error;
pub mod limits;
mod money;
mod number;
mod pages;
mod parts;
mod time;
mod ui;
pub mod view;

pub use assets::{STATIC, STATIC_PREFIX, StaticFile, static_file};
pub use chart::{ChartSize, chart_svg};
pub use error::PanelError;
pub use money::money_page;
pub use pages::{
    account_page, accounts_page, alerts_page, customer_page, customers_page, error_page, host_page,
    hosts_page, login_page, overview_page,
};
