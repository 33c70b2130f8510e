//! `/etc/subuid`: uids of user namespaces, which belong to the user that owns their range (subuid(5)).

use crate::limits::{SUBUID_FAULTS_MAX, SUBUID_RANGES_MAX};
use crate::proc::text::number;
use std::collections::BTreeMap;

/// One line as it stands: whose range, its first uid, and one past its last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    owner: Vec<u8>,
    start: u32,
    end: u32,
}

/// The lines of the file, whose owners are names yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    lines: Vec<Line>,
    faults: Vec<String>,
}

/// Which uid belongs to whom. No two ranges overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SubUids {
    /// By first uid: one past the last, and the owner.
    ranges: BTreeMap<u32, (u32, u32)>,
    faults: Vec<String>,
}

fn fault(faults: &mut Vec<String>, text: String) {
    if faults.len() < SUBUID_FAULTS_MAX {
        faults.push(text);
    }
}

/// Reads `owner:first:count` lines. What is no such line is named and passed over.
pub(super) fn parse(bytes: &[u8]) -> Lines {
    let mut out = Lines::default();
    for (i, text) in bytes.split(|b| *b == b'\n').enumerate() {
        let line_number = i.saturating_add(1);
        if text.iter().all(u8::is_ascii_whitespace) || text.starts_with(b"#") {
            continue;
        }
        if out.lines.len() >= SUBUID_RANGES_MAX {
            let text =
                format!("line {line_number}: more than {SUBUID_RANGES_MAX} ranges; the rest is not used");
            fault(&mut out.faults, text);
            break;
        }
        match parse_line(text) {
            Some((owner, start, end)) => {
                out.lines.push(Line { number: line_number, owner: owner.to_vec(), start, end });
            }
            None => fault(&mut out.faults, format!("line {line_number}: is not owner:first:count")),
        }
    }
    out
}

fn parse_line(text: &[u8]) -> Option<(&[u8], u32, u32)> {
    let mut fields = text.split(|b| *b == b':');
    let owner = fields.next().filter(|o| !o.is_empty())?;
    let start = fields.next().and_then(number)?;
    let count = fields.next().and_then(number).filter(|n| *n > 0)?;
    // The last uid, 2^32 − 1, means "no user".
    let end = u32::try_from(start.checked_add(count)?).ok()?;
    let start = u32::try_from(start).ok()?;
    fields.next().is_none().then_some((owner, start, end))
}

impl Lines {
    /// Looks the owners up: by name, else as a number. Of ranges that overlap, the earlier line has the common part.
    pub(super) fn resolve(&self, uid_of: impl Fn(&[u8]) -> Option<u32>) -> SubUids {
        let mut out = SubUids { faults: self.faults.clone(), ..SubUids::default() };
        for line in &self.lines {
            let as_number = || number(&line.owner).and_then(|n| u32::try_from(n).ok());
            match uid_of(&line.owner).or_else(as_number) {
                Some(owner) => out.add(line, owner),
                None => {
                    let name = String::from_utf8_lossy(&line.owner);
                    fault(&mut out.faults, format!("line {}: there is no user {name:?}", line.number));
                }
            }
        }
        out
    }
}

impl SubUids {
    fn add(&mut self, line: &Line, owner: u32) {
        let mut at = line.start;
        let mut free = Vec::new();
        let taken: Vec<(u32, u32)> =
            self.touched(line.start, line.end).map(|(start, end, _)| (start, end)).collect();
        for (start, end) in &taken {
            if at < *start {
                free.push((at, *start));
            }
            at = at.max(*end);
        }
        if at < line.end {
            free.push((at, line.end));
        }
        if !taken.is_empty() {
            let (number, start, last) = (line.number, line.start, line.end.saturating_sub(1));
            let text = format!(
                "line {number}: range {start}-{last} overlaps an earlier line, which keeps the common part"
            );
            fault(&mut self.faults, text);
        }
        self.ranges.extend(free.into_iter().map(|(start, end)| (start, (end, owner))));
    }

    /// Every range, in order: first uid, one past the last, and the owner.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        self.ranges.iter().map(|(start, (end, owner))| (*start, *end, *owner))
    }

    /// Ranges that have uids of `[start, end)`, in order.
    fn touched(&self, start: u32, end: u32) -> impl Iterator<Item = (u32, u32, u32)> {
        let before = self.ranges.range(..start).next_back();
        before
            .into_iter()
            .chain(self.ranges.range(start..end))
            .map(|(start, (end, owner))| (*start, *end, *owner))
            .filter(move |(_, range_end, _)| *range_end > start)
    }

    /// Whose range the uid lies in.
    pub(super) fn owner(&self, uid: u32) -> Option<u32> {
        let (_, (end, owner)) = self.ranges.range(..=uid).next_back()?;
        (uid < *end).then_some(*owner)
    }

    /// The ranges of an owner: first uid, and one past the last.
    pub(super) fn of(&self, owner: u32) -> Vec<(u32, u32)> {
        self.ranges.iter().filter(|(_, (_, o))| *o == owner).map(|(start, (end, _))| (*start, *end)).collect()
    }

    /// What is wrong with the file, for people; bounded.
    pub(super) fn faults(&self) -> &[String] {
        &self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uid_of(name: &[u8]) -> Option<u32> {
        [(&b"shop"[..], 1_001), (b"mail", 1_002), (b"7", 1_007)].iter().find(|n| n.0 == name).map(|n| n.1)
    }

    fn check(text: &str, owners: &[(u32, Option<u32>)], faults: &[&str]) {
        let got = parse(text.as_bytes()).resolve(uid_of);
        for (uid, owner) in owners {
            assert_eq!(got.owner(*uid), *owner, "{uid} in {text:?}");
        }
        assert_eq!(got.faults(), faults, "{text:?}");
    }

    #[test]
    fn ranges() {
        let (shop, mail) = (Some(1_001), Some(1_002));
        check("", &[(0, None), (u32::MAX, None)], &[]);
        check(
            "shop:100000:65536\nmail:165536:10\n",
            &[(99_999, None), (100_000, shop), (165_535, shop), (165_536, mail), (165_546, None)],
            &[],
        );
        check("# x\n\n1001:5000:1", &[(5_000, shop), (5_001, None)], &[]);
        check("7:5000:1\n9:6000:1", &[(5_000, Some(1_007)), (6_000, Some(9))], &[]);
        check("shop:4294967294:1", &[(u32::MAX - 1, shop), (u32::MAX, None)], &[]);
        check("shop:4294967294:2", &[(u32::MAX - 1, None)], &["line 1: is not owner:first:count"]);
        check("ghost:5000:1", &[(5_000, None)], &["line 1: there is no user \"ghost\""]);
    }

    #[test]
    fn lines_that_are_none_are_named_and_the_others_hold() {
        for bad in
            ["shop", "shop:1", ":5:1", "shop:x:1", "shop:5:0", "shop:5:1:2", "shop:-5:1", "shop:5:5000000000"]
        {
            let text = format!("{bad}\nmail:9000:1");
            check(&text, &[(5, None), (9_000, Some(1_002))], &["line 1: is not owner:first:count"]);
        }
    }

    #[test]
    fn of_overlapping_ranges_the_first_wins() {
        let (shop, mail) = (Some(1_001), Some(1_002));
        let said = "line 2: range 5000-5099 overlaps an earlier line, which keeps the common part";
        check(
            "shop:5050:10\nmail:5000:100",
            &[(5_049, mail), (5_050, shop), (5_059, shop), (5_060, mail)],
            &[said],
        );
        check("shop:5000:100\nmail:5000:100", &[(5_000, shop), (5_099, shop)], &[said]);
        check("shop:4990:20\nmail:5000:100", &[(5_009, shop), (5_010, mail), (5_099, mail)], &[said]);
        check("shop:5090:20\nmail:5000:100", &[(5_089, mail), (5_090, shop), (5_109, shop)], &[said]);
    }

    #[test]
    fn everything_is_bounded() {
        let many: String = (0..=SUBUID_RANGES_MAX).map(|n| format!("shop:{}:1\n", n * 2 + 100_000)).collect();
        let got = parse(many.as_bytes()).resolve(uid_of);
        assert_eq!((got.ranges.len(), got.faults().len()), (SUBUID_RANGES_MAX, 1));
        let bad = "x\n".repeat(SUBUID_FAULTS_MAX * 2);
        assert_eq!(parse(bad.as_bytes()).resolve(uid_of).faults().len(), SUBUID_FAULTS_MAX);
    }

    proptest! {
        #[test]
        fn the_first_line_that_has_a_uid_owns_it(rows in proptest::collection::vec((0..5_u32, 0..60_u32, 1..30_u32), 0..12)) {
            let text: String = rows.iter().map(|(o, s, n)| format!("{o}:{s}:{n}\n")).collect();
            let got = parse(text.as_bytes()).resolve(|_| None);
            for uid in 0..100 {
                let want = rows.iter().find(|(_, s, n)| (*s..s + n).contains(&uid)).map(|r| r.0);
                prop_assert_eq!(got.owner(uid), want);
                let listed = (0..5).filter(|o| got.of(*o).iter().any(|(s, e)| (*s..*e).contains(&uid))).count();
                prop_assert_eq!(listed, usize::from(want.is_some()));
            }
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes).resolve(|_| None);
        }
    }
}
