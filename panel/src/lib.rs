//! Pages and charts: view data in, HTML and SVG out. Knows no store, no socket and no clock.

pub mod view;
