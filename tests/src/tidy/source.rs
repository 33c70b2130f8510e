//! What one Rust file holds, read with `syn`: functions, tests, paths used and lints switched off.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItemFn, ItemFn, ItemMod, ItemUse, Macro, Meta, Path, UseTree, ext::IdentExt,
    spanned::Spanned, visit::Visit,
};

use super::fault;

/// What was found in one file. Lines count from 1.
#[derive(Debug, Default)]
pub struct Facts {
    /// The file begins with `//!`.
    pub module_docs: bool,
    /// Lines of the file.
    pub lines: usize,
    /// (name, first line, number of lines) of every function with a body.
    pub functions: Vec<(String, usize, usize)>,
    /// Names of functions marked as tests, also inside `proptest!`.
    pub tests: BTreeSet<String>,
    /// Tests that are marked `#[ignore]`.
    pub ignored: Vec<(String, usize)>,
    /// (line, path) of every path and import outside `#[cfg(test)]`, without leading `::`.
    pub paths: Vec<(usize, String)>,
    /// Lines of `.unwrap()` outside `#[cfg(test)]`.
    pub unwraps: Vec<usize>,
    /// Modules declared under `#[cfg(test)]` that live in files of their own.
    pub test_modules: Vec<String>,
    /// (line, lints) of `allow` and `expect` attributes without a reason.
    pub bare_allows: Vec<(usize, String)>,
    /// Lines of `allow(unsafe_code)`.
    pub unsafe_allowed: Vec<usize>,
}

/// Reads one file.
///
/// # Errors
/// The text is no Rust; the error holds line and column.
pub fn read(text: &str) -> Result<Facts, syn::Error> {
    let file = syn::parse_file(text)?;
    let mut facts =
        Facts { module_docs: text.starts_with("//!"), lines: text.lines().count(), ..Facts::default() };
    let mut reader = Reader { facts: &mut facts, in_test: 0 };
    reader.visit_file(&file);
    Ok(facts)
}

/// Words that the core must not use, and why; each is a sequence of path segments.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "the file system"),
    ("std::net", "sockets"),
    ("std::env", "the environment"),
    ("std::process", "other processes"),
    ("std::thread", "threads"),
    ("std::io::stdin", "standard input"),
    ("SystemTime", "the clock"),
    ("Instant", "the clock"),
    ("Timestamp::now", "the clock"),
    ("Zoned::now", "the clock"),
    ("TimeZone::system", "the environment"),
    ("SystemRandom", "randomness"),
    ("getrandom", "randomness"),
];

/// Every use of the outside world in a file of the core.
#[must_use]
pub fn impurities(path: &str, facts: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, used) in &facts.paths {
        let segments: Vec<&str> = used.split("::").collect();
        for (word, what) in IMPURE {
            let word: Vec<&str> = word.split("::").collect();
            if segments.windows(word.len()).any(|window| window == word) {
                let what = format!("`{used}` is {what}; core is pure, so take the value as an argument");
                faults.push(fault(path, *line, &what));
            }
        }
    }
    faults
}

/// Faults that hold for every file: no module docs and ignored tests; and where the file is not a test, lints
/// switched off without a reason and `unwrap`.
#[must_use]
pub fn faults(path: &str, facts: &Facts, is_test_file: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if !facts.module_docs {
        faults.push(fault(path, 1, "begins without `//!`; say in a line what the file is for"));
    }
    for (name, line) in &facts.ignored {
        faults.push(fault(path, *line, &format!("test `{name}` is ignored; repair it or remove it")));
    }
    if !is_test_file {
        for (line, lints) in &facts.bare_allows {
            faults.push(fault(
                path,
                *line,
                &format!("`{lints}` is switched off without a reason; add `reason = …`"),
            ));
        }
        for line in &facts.unwraps {
            faults.push(fault(
                path,
                *line,
                "`unwrap()` outside a test; return an error that says what and where",
            ));
        }
    }
    faults
}

struct Reader<'a> {
    facts: &'a mut Facts,
    /// How many items under `#[cfg(test)]` or `#[test]` surround this place.
    in_test: usize,
}

impl Reader<'_> {
    /// Visits what `walk` walks, as test code if `attrs` say so.
    fn within(&mut self, attrs: &[Attribute], walk: impl FnOnce(&mut Self)) {
        let test = usize::from(attrs.iter().any(|attr| is_cfg_test(attr) || is_test(attr)));
        self.in_test += test;
        walk(self);
        self.in_test -= test;
    }

    fn function(&mut self, name: &syn::Ident, attrs: &[Attribute], from: usize, to: usize) {
        self.facts.functions.push((name.to_string(), from, to + 1 - from));
        if attrs.iter().any(is_test) {
            self.facts.tests.insert(name.to_string());
        }
        if attrs.iter().any(|attr| attr.path().is_ident("ignore")) {
            self.facts.ignored.push((name.to_string(), from));
        }
    }

    fn import(&mut self, tree: &UseTree, prefix: &str) {
        let line = tree.span().start().line;
        let join = |name: &syn::Ident| {
            if prefix.is_empty() { name.to_string() } else { format!("{prefix}::{name}") }
        };
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &join(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, prefix)),
            UseTree::Name(name) if name.ident == "self" => self.facts.paths.push((line, prefix.to_owned())),
            UseTree::Name(name) => self.facts.paths.push((line, join(&name.ident))),
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.facts.paths.push((line, prefix.to_owned()));
            }
            UseTree::Rename(rename) => self.facts.paths.push((line, join(&rename.ident))),
            UseTree::Glob(_) => self.facts.paths.push((line, format!("{prefix}::*"))),
        }
    }

    /// Paths, unwraps and tests in the tokens of a macro, which `syn` leaves unread.
    fn tokens(&mut self, tokens: TokenStream, tests: bool) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let ident = |i: usize| match trees.get(i) {
            Some(TokenTree::Ident(ident)) => Some(ident.unraw().to_string()),
            _ => None,
        };
        let punct = |i: usize, c: char| matches!(trees.get(i), Some(TokenTree::Punct(p)) if p.as_char() == c);
        let mut i = 0;
        while i < trees.len() {
            if let TokenTree::Group(group) = &trees[i] {
                self.tokens(group.stream(), tests);
            } else if let Some(first) = ident(i) {
                let line = trees[i].span().start().line;
                if first == "unwrap" && i > 0 && punct(i - 1, '.') && self.in_test == 0 {
                    self.facts.unwraps.push(line);
                }
                if let (true, "fn", Some(name)) = (tests, first.as_str(), ident(i + 1)) {
                    self.facts.tests.insert(name);
                }
                let mut path = first;
                while let (true, true, Some(next)) = (punct(i + 1, ':'), punct(i + 2, ':'), ident(i + 3)) {
                    path = format!("{path}::{next}");
                    i += 3;
                }
                if path.contains("::") && self.in_test == 0 {
                    self.facts.paths.push((line, path));
                }
            }
            i += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_none() && item.attrs.iter().any(is_cfg_test) {
            self.facts.test_modules.push(item.ident.unraw().to_string());
        }
        self.within(&item.attrs, |this| syn::visit::visit_item_mod(this, item));
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        let (from, to) = (item.sig.span().start().line, item.block.span().end().line);
        self.function(&item.sig.ident, &item.attrs, from, to);
        self.within(&item.attrs, |this| syn::visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        let (from, to) = (item.sig.span().start().line, item.block.span().end().line);
        self.function(&item.sig.ident, &item.attrs, from, to);
        self.within(&item.attrs, |this| syn::visit::visit_impl_item_fn(this, item));
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let test = self.in_test > 0 || item.attrs.iter().any(is_cfg_test);
        if !test {
            self.import(&item.tree, "");
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if self.in_test == 0 {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.facts.paths.push((path.span().start().line, names.join("::")));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if self.in_test == 0 && call.method == "unwrap" {
            self.facts.unwraps.push(call.method.span().start().line);
        }
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let name = mac.path.segments.last().map(|segment| segment.ident.to_string());
        self.tokens(mac.tokens.clone(), name.as_deref() == Some("proptest"));
        syn::visit::visit_macro(self, mac);
    }

    fn visit_attribute(&mut self, attr: &'ast Attribute) {
        if let (Some("allow" | "expect"), Meta::List(list)) = (name_of(attr).as_deref(), &attr.meta) {
            let inside = list.tokens.to_string();
            let line = attr.span().start().line;
            if inside.contains("unsafe_code") {
                self.facts.unsafe_allowed.push(line);
            }
            if !inside.contains("reason =") {
                self.facts.bare_allows.push((line, inside));
            }
        }
    }
}

fn name_of(attr: &Attribute) -> Option<String> {
    attr.path().segments.last().map(|segment| segment.ident.to_string())
}

/// `#[test]`, `#[tokio::test]` and the like.
fn is_test(attr: &Attribute) -> bool {
    name_of(attr).as_deref() == Some("test")
}

fn is_cfg_test(attr: &Attribute) -> bool {
    match &attr.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        _ => false,
    }
}

#[cfg(test)]
mod tests;
