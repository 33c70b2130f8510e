//! A4 pages with text, rules and boxes. What is drawn is collected first, so that a page break may come anywhere and the
//! foot of each page knows how many there are. Lengths are points (1/72 inch) from the upper left corner.

use crate::limits::PDF_PAGES_MAX;
use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use ttf_parser::Face;

const REGULAR: &[u8] = include_bytes!("../../../../assets/fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../../../assets/fonts/DejaVuSans-Bold.ttf");

const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
/// Left and right of what is printed.
pub(super) const LEFT: f32 = 48.0;
pub(super) const RIGHT: f32 = WIDTH - 48.0;
const TOP: f32 = 56.0;
const BOTTOM: f32 = HEIGHT - 64.0;
const FOOT: f32 = HEIGHT - 36.0;

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The built-in font cannot be read.
    #[error("the built-in font cannot be read")]
    Font,
    /// The size of a page was refused.
    #[error("the size of a page was refused")]
    Page,
    /// More pages than a statement may have.
    #[error("the statement needs more than {PDF_PAGES_MAX} pages; take it as CSV or JSON")]
    TooLong,
    /// The document was refused.
    #[error("the PDF could not be written: {0}")]
    Write(String),
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Faint,
    Line,
    Shade,
    Accent,
}

impl Ink {
    fn colour(self) -> rgb::Color {
        match self {
            Self::Text => rgb::Color::new(0x1c, 0x23, 0x2e),
            Self::Faint => rgb::Color::new(0x5b, 0x66, 0x75),
            Self::Line => rgb::Color::new(0xc9, 0xd0, 0xd9),
            Self::Shade => rgb::Color::new(0xf1, 0xf4, 0xf7),
            Self::Accent => rgb::Color::new(0x1f, 0x6f, 0xb5),
        }
    }
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) bold: bool,
    pub(super) ink: Ink,
}

pub(super) const BODY: Style = Style { size: 8.5, bold: false, ink: Ink::Text };
pub(super) const STRONG: Style = Style { size: 8.5, bold: true, ink: Ink::Text };
pub(super) const FAINT: Style = Style { size: 8.0, bold: false, ink: Ink::Faint };
pub(super) const HEADING: Style = Style { size: 11.0, bold: true, ink: Ink::Text };
pub(super) const TITLE: Style = Style { size: 18.0, bold: true, ink: Ink::Text };

enum Op {
    Text { x: f32, y: f32, style: Style, text: String },
    Area { x: f32, y: f32, w: f32, h: f32, ink: Ink },
}

/// The pages so far.
pub(super) struct Paper {
    pages: Vec<Vec<Op>>,
    /// The next baseline.
    pub(super) y: f32,
    faces: [Face<'static>; 2],
}

impl Paper {
    pub(super) fn new() -> Result<Self, PdfError> {
        let face = |data| Face::parse(data, 0).map_err(|_| PdfError::Font);
        Ok(Self { pages: vec![Vec::new()], y: TOP, faces: [face(REGULAR)?, face(BOLD)?] })
    }

    fn put(&mut self, op: Op) {
        if let Some(page) = self.pages.last_mut() {
            page.push(op);
        }
    }

    /// Text that begins at `x`.
    pub(super) fn text(&mut self, x: f32, style: Style, text: &str) {
        let text = self.printable(style, text);
        self.put(Op::Text { x, y: self.y, style, text });
    }

    /// Text that ends at `x`.
    pub(super) fn text_to(&mut self, x: f32, style: Style, text: &str) {
        let width = self.width(style, text);
        self.text(x - width, style, text);
    }

    /// Text that begins at `x` and is cut, with an ellipsis, before it is wider than `width`.
    pub(super) fn text_in(&mut self, x: f32, width: f32, style: Style, text: &str) {
        if self.width(style, text) <= width {
            return self.text(x, style, text);
        }
        let mut cut = text.to_owned();
        while !cut.is_empty() && self.width(style, &format!("{cut}…")) > width {
            cut.pop();
        }
        self.text(x, style, &format!("{cut}…"));
    }

    /// A filled box whose upper left corner is at `x`, `y`.
    pub(super) fn area(&mut self, x: f32, y: f32, w: f32, h: f32, ink: Ink) {
        self.put(Op::Area { x, y, w, h, ink });
    }

    /// A line across the page, below the present baseline.
    pub(super) fn rule(&mut self) {
        self.area(LEFT, self.y + 3.5, RIGHT - LEFT, 0.5, Ink::Line);
    }

    /// Goes down; to the next page where there is no room for `needed` more. `true`: this is a new page.
    pub(super) fn down(&mut self, by: f32, needed: f32) -> bool {
        self.y += by;
        if self.y + needed <= BOTTOM {
            return false;
        }
        self.pages.push(Vec::new());
        self.y = TOP;
        true
    }

    /// How wide a text is set.
    pub(super) fn width(&self, style: Style, text: &str) -> f32 {
        let [regular, bold] = &self.faces;
        let face = if style.bold { bold } else { regular };
        let advance = |c| face.glyph_index(c).and_then(|g| face.glyph_hor_advance(g)).unwrap_or(0);
        let units: f32 = text.chars().map(|c| f32::from(advance(c))).sum();
        units * style.size / f32::from(face.units_per_em())
    }

    /// What the font has no letter for is printed as a question mark, and so are control characters.
    fn printable(&self, style: Style, text: &str) -> String {
        let [regular, bold] = &self.faces;
        let face = if style.bold { bold } else { regular };
        text.chars().map(|c| if face.glyph_index(c).is_some() { c } else { '?' }).collect()
    }

    /// The document; `foot` stands below every page.
    pub(super) fn finish(mut self, title: &str, foot: &str) -> Result<Vec<u8>, PdfError> {
        let count = self.pages.len();
        if count > PDF_PAGES_MAX {
            return Err(PdfError::TooLong);
        }
        let fonts = [REGULAR, BOLD].map(|data| Font::new(data.to_vec().into(), 0));
        let [Some(regular), Some(bold)] = fonts else { return Err(PdfError::Font) };
        let mut document = Document::new();
        document.set_metadata(Metadata::new().title(title.to_owned()).creator("Hostmeter".to_owned()));
        for (n, mut ops) in std::mem::take(&mut self.pages).into_iter().enumerate() {
            let text = format!("page {} of {count}", n.saturating_add(1));
            let x = RIGHT - self.width(FAINT, &text);
            ops.push(Op::Text { x, y: FOOT, style: FAINT, text });
            ops.push(Op::Text { x: LEFT, y: FOOT, style: FAINT, text: foot.to_owned() });
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(PdfError::Page)?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            for op in &ops {
                draw(&mut surface, op, &regular, &bold);
            }
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|e| PdfError::Write(format!("{e:?}")))
    }
}

fn draw(surface: &mut Surface<'_>, op: &Op, regular: &Font, bold: &Font) {
    let fill = |ink: Ink| {
        Some(Fill { paint: ink.colour().into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero })
    };
    match op {
        Op::Text { x, y, style, text } => {
            surface.set_fill(fill(style.ink));
            let font = if style.bold { bold } else { regular };
            let at = Point::from_xy(*x, *y);
            surface.draw_text(at, font.clone(), style.size, text, false, TextDirection::Auto);
        }
        Op::Area { x, y, w, h, ink } => {
            let Some(rect) = Rect::from_xywh(*x, *y, *w, *h) else { return };
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            if let Some(path) = path.finish() {
                surface.set_fill(fill(*ink));
                surface.draw_path(&path);
            }
        }
    }
}
