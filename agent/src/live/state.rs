//! What stands on the screen: which table, in which order, from which row on. Keys change it, readings fill it.

use super::Follow;
use super::column::{Column, OF_ACCOUNTS, OF_COMMANDS};
use super::view::{Row, View};
use crate::reading::Reading;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::ops::ControlFlow;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// By account.
    Accounts,
    /// By account and command.
    Commands,
}

/// Everything between two draws.
#[derive(Debug)]
pub(super) struct State {
    /// Name of the host.
    pub host: String,
    /// Which table.
    pub table: Table,
    /// The column that sorts it.
    pub sort: Column,
    /// Whether what is shown stands still.
    pub paused: bool,
    /// Why the last sweep gave nothing; empty in good order.
    pub problem: String,
    follow: Follow,
    shown: Option<View>,
    /// Came while paused.
    latest: Option<View>,
    first: usize,
    page: usize,
}

impl State {
    /// Before the first reading.
    pub(super) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            table: Table::Accounts,
            sort: Column::Cpu,
            paused: false,
            problem: String::new(),
            follow: Follow::default(),
            shown: None,
            latest: None,
            first: 0,
            page: 1,
        }
    }

    /// What is shown; `None` before the second reading.
    pub(super) fn view(&self) -> Option<&View> {
        self.shown.as_ref()
    }

    /// Columns of the table.
    pub(super) fn columns(&self) -> &'static [Column] {
        match self.table {
            Table::Accounts => OF_ACCOUNTS,
            Table::Commands => OF_COMMANDS,
        }
    }

    /// Every row of the table, in order.
    pub(super) fn rows(&self) -> &[Row] {
        self.shown.as_ref().map_or(&[], |view| match self.table {
            Table::Accounts => &view.accounts,
            Table::Commands => &view.commands,
        })
    }

    /// Says how many rows have room, and gives the first of them.
    pub(super) fn fit(&mut self, page: usize) -> usize {
        self.page = page.max(1);
        self.first = self.first.min(self.rows().len().saturating_sub(self.page));
        self.first
    }

    /// Takes what a sweep gave. While paused it is kept back, so that going on shows what is now.
    pub(super) fn take(&mut self, swept: Result<Reading, String>) {
        match swept {
            Ok(reading) => {
                self.problem.clear();
                if let Some(view) = self.follow.take(reading) {
                    self.latest = Some(view);
                    self.show();
                }
            }
            Err(why) => self.problem = why,
        }
    }

    fn show(&mut self) {
        if !self.paused
            && let Some(view) = self.latest.take()
        {
            self.shown = Some(view);
            self.arrange();
        }
    }

    fn arrange(&mut self) {
        let sort = self.sort;
        if let Some(view) = &mut self.shown {
            let rows = match self.table {
                Table::Accounts => &mut view.accounts,
                Table::Commands => &mut view.commands,
            };
            rows.sort_by(|a, b| sort.order(a, b));
        }
    }

    /// Does what a key says; `Break` is the end.
    pub(super) fn press(&mut self, key: KeyEvent) -> ControlFlow<()> {
        if key.kind == KeyEventKind::Release {
            return ControlFlow::Continue(());
        }
        match key.code {
            KeyCode::Char('c' | 'C') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return ControlFlow::Break(());
            }
            KeyCode::Char('q') => return ControlFlow::Break(()),
            KeyCode::Char('c') | KeyCode::Tab => self.other_table(),
            KeyCode::Char('s') => self.next_sort(),
            KeyCode::Char('p') => {
                self.paused = !self.paused;
                self.show();
            }
            KeyCode::Up => self.first = self.first.saturating_sub(1),
            KeyCode::Down => self.first = self.first.saturating_add(1),
            KeyCode::PageUp => self.first = self.first.saturating_sub(self.page),
            KeyCode::PageDown => self.first = self.first.saturating_add(self.page),
            KeyCode::Home => self.first = 0,
            KeyCode::End => self.first = usize::MAX,
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn other_table(&mut self) {
        self.table = match self.table {
            Table::Accounts => Table::Commands,
            Table::Commands => Table::Accounts,
        };
        self.first = 0;
        if !self.columns().contains(&self.sort) {
            self.sort = Column::Cpu;
        }
        self.arrange();
    }

    fn next_sort(&mut self) {
        let columns = self.columns();
        let at = columns.iter().position(|c| *c == self.sort).map_or(0, |i| i.saturating_add(1));
        self.sort = columns.get(at).or(columns.first()).copied().unwrap_or(Column::Cpu);
        self.first = 0;
        self.arrange();
    }
}
