//! Drawing: a head, one table, the host's own lines below it, and the keys.

use super::column::Column;
use super::state::{State, Table as Which};
use super::text;
use super::view::Row as Figures;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

/// Lines that the table has at least, its heading included; the head has what is left.
const TABLE_MIN_LINES: u16 = 3;
/// Lines of the host below the table, where there is room.
const HOST_LINES: u16 = 2;
/// Below this height only title and table are drawn.
const WHOLE_MIN_LINES: u16 = 12;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State) {
    let area = frame.area();
    let is_whole = area.height >= WHOLE_MIN_LINES;
    let head = if is_whole { head(state, area.width) } else { Vec::new() };
    let others = if is_whole { HOST_LINES + 1 } else { 0 };
    let spare = area.height.saturating_sub(1 + others + TABLE_MIN_LINES);
    let head_lines = u16::try_from(head.len()).unwrap_or(u16::MAX).min(spare);
    let [title, above, table, below, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(head_lines),
        Constraint::Fill(1),
        Constraint::Length(if is_whole { HOST_LINES } else { 0 }),
        Constraint::Length(u16::from(is_whole)),
    ])
    .areas(area);
    frame.render_widget(Line::styled(title_of(state), bold()), title);
    frame.render_widget(Paragraph::new(head), above);
    draw_table(frame, state, table, below);
    frame.render_widget(Line::styled(keys_of(state), Style::new().add_modifier(Modifier::DIM)), keys);
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn title_of(state: &State) -> String {
    let what = match state.table {
        Which::Accounts => "accounts",
        Which::Commands => "commands",
    };
    let paused = if state.paused { ", PAUSED" } else { "" };
    let over = state.view().map_or_else(
        || ", measuring".to_owned(),
        |view| format!(", over {}.{} s", view.over_usec / 1_000_000, view.over_usec / 100_000 % 10),
    );
    format!("{} of {}{over}{paused}", what, state.host)
}

fn keys_of(state: &State) -> String {
    let other = match state.table {
        Which::Accounts => "commands",
        Which::Commands => "accounts",
    };
    let pause = if state.paused { "go on" } else { "pause" };
    format!("q quit  c {other}  s sort ({})  p {pause}  arrows, pages scroll", state.sort.heading())
}

/// The host's lines, broken where the screen ends.
fn head(state: &State, width: u16) -> Vec<Line<'static>> {
    let mut lines = state.view().map(text::head).unwrap_or_default();
    if !state.problem.is_empty() {
        lines.push(text::plain(&format!("the last sweep failed: {}", state.problem)));
    }
    lines.iter().flat_map(|line| broken(line, usize::from(width.max(1)))).map(Line::from).collect()
}

/// A line in parts of at most `width` characters, broken at spaces where there are any.
fn broken(line: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in line.split(' ') {
        let room = parts.last().map_or(0, |part| width.saturating_sub(part.chars().count()));
        if parts.last().is_some_and(String::is_empty) {
            parts.pop();
            parts.push(word.to_owned());
        } else if word.chars().count() < room
            && let Some(part) = parts.last_mut()
        {
            part.push(' ');
            part.push_str(word);
        } else {
            parts.push(word.to_owned());
        }
    }
    parts
}

/// A column with the room that it needs: a figure that is cut would be another figure.
#[derive(Clone, Copy)]
struct Room {
    column: Column,
    width: u16,
}

/// As many columns as fit, from the left.
fn fitting(columns: &[Column], rows: &[&Figures], width: u16) -> Vec<Room> {
    let mut used = 0_u16;
    let room = |column: &Column| {
        let figures = rows.iter().filter(|_| !column.is_name()).map(|row| column.of(row).chars().count());
        let longest = u16::try_from(figures.max().unwrap_or(0)).unwrap_or(u16::MAX);
        Room { column: *column, width: column.width().max(longest) }
    };
    let fits = columns.iter().map(room).take_while(|room| {
        used = used.saturating_add(room.width).saturating_add(u16::from(used > 0));
        used <= width || used == room.width
    });
    fits.collect()
}

/// Names share what is left over.
fn constraint(room: &Room) -> Constraint {
    if room.column.is_name() { Constraint::Min(room.width) } else { Constraint::Length(room.width) }
}

fn cell(column: Column, text: String) -> Cell<'static> {
    let text = Text::from(text);
    Cell::from(if column.is_name() { text } else { text.right_aligned() })
}

fn draw_table(frame: &mut Frame<'_>, state: &mut State, area: Rect, below: Rect) {
    let page = usize::from(area.height.saturating_sub(1));
    let first = state.fit(page);
    let rows: Vec<&Figures> = state.rows().iter().skip(first).take(page).collect();
    let others = state.view().map_or_else(Vec::new, |view| vec![&view.system, &view.remainder]);
    let rooms = fitting(state.columns(), &rows, area.width);
    let heading = rooms.iter().map(|Room { column, .. }| {
        let style = if *column == state.sort { bold().add_modifier(Modifier::UNDERLINED) } else { bold() };
        cell(*column, column.heading().to_owned()).style(style)
    });
    let heading = Row::new(heading);
    let rows = rows.iter().map(|row| Row::new(rooms.iter().map(|r| cell(r.column, r.column.of(row)))));
    let table = Table::new(rows, rooms.iter().map(constraint)).header(heading);
    frame.render_widget(table, area);
    let columns: Vec<Column> = rooms.iter().map(|room| room.column).collect();
    let others = others.into_iter().map(|row| {
        let cells = text::of_host(&columns, row);
        Row::new(columns.iter().zip(cells).map(|(column, text)| cell(*column, text)))
    });
    frame.render_widget(Table::new(others, rooms.iter().map(constraint)), below);
}
