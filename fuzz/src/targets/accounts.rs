//! passwd, subuid and login.defs, parted by a line of four dashes: panels let users choose what stands in them.

use hostmeter_agent::accounts::{Accounts, Bounds, Who};
use hostmeter_agent::limits::SUBUID_FAULTS_MAX;
use hostmeter_core::limits::TEXT_MAX_BYTES;
use hostmeter_core::name;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A folder in memory where there is one, for the whole run.
pub(super) fn scratch() -> PathBuf {
    static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let own = format!("{:?}", std::thread::current().id());
    let dir = DIR.get_or_init(make).path().join(own);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

pub(super) fn any(bytes: &[u8]) {
    let dir = scratch();
    let text = bytes.split(|b| *b == b'\n').collect::<Vec<_>>();
    let mut parts = text.split(|line| *line == b"----").map(|lines| lines.join(&b'\n'));
    let mut write = |name: &str| {
        let path = dir.join(name);
        std::fs::write(&path, parts.next().unwrap_or_default()).unwrap();
        path
    };
    let (passwd, subuid, defs) = (write("passwd"), write("subuid"), write("login.defs"));
    let bounds = match Bounds::from_login_defs(&defs, None, None) {
        Ok(bounds) => bounds,
        Err(e) => {
            assert!(e.to_string().contains("uid_min") || e.to_string().contains("login.defs"), "{e}");
            Bounds { min: 1_000, max: 60_000 }
        }
    };
    assert!(bounds.min <= bounds.max);
    let exclude = [Who::Uid(1_007), Who::Name("mail".to_owned())];
    let accounts = Accounts::new(&passwd, bounds, &[], &exclude).unwrap().with_subuid(&subuid).unwrap();
    for (uid, entry) in accounts.entries() {
        assert!(accounts.is_account(uid) && (bounds.min..=bounds.max).contains(&uid) && uid != 1_007);
        assert_eq!(name::check(&entry.user), Ok(()));
        assert!(entry.home.as_ref().is_none_or(|h| !h.is_empty() && h.len() <= TEXT_MAX_BYTES));
        assert_eq!(accounts.owner(uid), uid, "a uid in passwd is its own");
    }
    assert!(accounts.subuid_faults().len() <= SUBUID_FAULTS_MAX);
    let mut free = 0_u32;
    for (first, last, owner) in accounts.ranges() {
        assert!(free <= first && first <= last && last < u32::MAX, "ranges run forward and never overlap");
        free = last + 1;
        for uid in [first, last] {
            assert_eq!(accounts.owner(uid), owner);
            assert!(accounts.subuids_of(owner).iter().any(|(from, end)| (*from..*end).contains(&uid)));
        }
    }
    assert_eq!(accounts.owner(u32::MAX), u32::MAX);
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "root:x:0:0:root:/root:/bin/bash\nshop:x:1001:1001::/home/shop:/bin/sh\nmail:x:1002:8::/var/mail:\n7:x:1007:1::/:\n----\nshop:100000:65536\n1001:165536:10\nmail:100500:1\nghost:5:1\n----\nUID_MIN 1000\nUID_MAX 0x7fff\n",
        "a b:x:01001:1::/home/a:\n+::::::\n#c:x:1005:1::/:\nd:x:4294967295:1::/:\ne:x:1009\n----\ne:1000:20\ne:4294967294:1\n----\nUID_MIN \"0100\"\nUID_MAX 5\n",
    ];
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}
