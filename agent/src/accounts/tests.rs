//! passwd, login.defs and the lists.

use super::*;
use std::fs;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    # comment:x:1500:1:::\n\
    www-data:x:33:33::/var/www:/usr/sbin/nologin\n\
    shop:x:1001:1001:Shop,,,:/home/shop:/bin/bash\n\
    shop2:x:1001:1001::/home/other:/bin/bash\n\
    a b@c:x:1002:1002::/home/ab:/bin/sh\n\
    nohome:x:1003:1003::\n\
    nobody:x:65534:65534::/nonexistent:/x\n\
    broken\n\
    broken:x:12x4:1::/home/b:\n\
    +::::::\n\
    web:x:60000:1::/home/web:/bin/sh\n";

fn accounts(include: &[Who], exclude: &[Who]) -> (tempfile::TempDir, Accounts) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("passwd");
    fs::write(&path, PASSWD).unwrap();
    let accounts = Accounts::new(&path, Bounds { min: 1_000, max: 60_000 }, include, exclude).unwrap();
    (dir, accounts)
}

#[test]
fn who_is_an_account() {
    let name = |n: &str| Who::Name(n.into());
    let check = |include: &[Who], exclude: &[Who], yes: &[u32], no: &[u32]| {
        let (_dir, a) = accounts(include, exclude);
        assert!(yes.iter().all(|u| a.is_account(*u)), "{include:?} {exclude:?} {yes:?}");
        assert!(!no.iter().any(|u| a.is_account(*u)), "{include:?} {exclude:?} {no:?}");
    };
    check(&[], &[], &[1_000, 1_001, 3_101, 60_000], &[0, 33, 999, 60_001, 65_534, u32::MAX]);
    check(&[name("www-data"), Who::Uid(70_000)], &[], &[33, 70_000], &[0]);
    check(&[], &[name("shop"), Who::Uid(3_101)], &[1_002], &[1_001, 3_101]);
    check(&[Who::Uid(33)], &[name("www-data")], &[], &[33]);
    check(&[Who::Uid(u32::MAX)], &[], &[], &[u32::MAX]);
    let (_dir, a) = accounts(&[name("ghost")], &[]);
    assert_eq!(a.unresolved(), ["ghost"]);
}

#[test]
fn entries() {
    let (_dir, a) = accounts(&[], &[]);
    let entry = |uid: u32| a.entry(uid).map(|e| (e.user.as_str(), e.home.as_deref()));
    assert_eq!(entry(1_001), Some(("shop", Some("/home/shop"))));
    assert_eq!(entry(1_002), Some(("a%20b%40c", Some("/home/ab"))));
    assert_eq!(entry(1_003), Some(("nohome", None)));
    assert_eq!((entry(0), entry(1_500), entry(65_534)), (None, None, None));
    assert_eq!(a.uid_of(b"shop2"), Some(1_001));
    assert_eq!(a.uid_of(b"root"), None);
}

#[test]
fn a_changed_passwd_is_read_again() {
    let (dir, mut a) = accounts(&[], &[]);
    assert!(!a.refresh().unwrap());
    let path = dir.path().join("passwd");
    fs::write(dir.path().join("new"), "late:x:1004:1::/home/late:/bin/sh\n").unwrap();
    fs::rename(dir.path().join("new"), &path).unwrap();
    assert!(a.refresh().unwrap());
    assert_eq!(a.entry(1_004).unwrap().user, "late");
    assert_eq!(a.entry(1_001), None);
    fs::remove_file(&path).unwrap();
    let err = a.refresh().unwrap_err().to_string();
    assert!(err.contains("passwd cannot be read"), "{err}");
    assert_eq!(a.entry(1_004).unwrap().user, "late", "the last good state stays");
}

#[test]
fn bounds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("login.defs");
    let check = |text: &str, min, max, want: Result<(u32, u32), &str>| {
        fs::write(&path, text).unwrap();
        let got = Bounds::from_login_defs(&path, min, max).map(|b| (b.min, b.max));
        match (got, want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want, "{text}"),
            (Err(e), Err(want)) => assert!(e.to_string().contains(want), "{e}"),
            (got, want) => panic!("{text}: {got:?} {want:?}"),
        }
    };
    check("UID_MIN 500\nUID_MAX\t\t 7000 # x\n", None, None, Ok((500, 7_000)));
    check("#UID_MIN 500\nSYS_UID_MIN 100\n", None, None, Ok((1_000, 60_000)));
    check("UID_MIN 500\n", Some(2_000), None, Ok((2_000, 60_000)));
    check("UID_MIN x\n", Some(2_000), Some(3_000), Ok((2_000, 3_000)));
    check("UID_MIN 0x1f4\nUID_MAX 01750\n", None, None, Ok((500, 1_000)));
    check("UID_MIN many\n", None, None, Err("UID_MIN is \"many\", which is not a uid"));
    check("UID_MAX 4294967295\n", None, None, Err("not a uid"));
    check("UID_MAX 10\n", None, None, Err("uid_min 1000 is above uid_max 10"));
    fs::remove_file(&path).unwrap();
    assert_eq!(Bounds::from_login_defs(&path, None, None).unwrap(), Bounds { min: 1_000, max: 60_000 });
}

#[test]
fn homes() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap();
    let meta = fs::metadata(home).unwrap();
    assert_eq!(home_inode(home, meta.uid()), Some(meta.ino()));
    assert_eq!(home_inode(home, meta.uid() + 1), None);
    assert_eq!(home_inode("/proc/self/status", meta.uid()), None);
    assert_eq!(home_inode("/nonexistent", 0), None);
}

#[test]
fn uids_of_user_namespaces_belong_to_their_owner() {
    let dir = tempfile::tempdir().unwrap();
    let (passwd, subuid) = (dir.path().join("passwd"), dir.path().join("subuid"));
    fs::write(&passwd, PASSWD).unwrap();
    let bounds = Bounds { min: 1_000, max: 60_000 };
    let mut a = Accounts::new(&passwd, bounds, &[], &[]).unwrap().with_subuid(&subuid).unwrap();
    let mut check = |text: Option<&str>, owners: &[(u32, u32)], faults: usize| {
        match text {
            Some(text) => fs::write(&subuid, text).unwrap(),
            None => fs::remove_file(&subuid).unwrap(),
        }
        assert!(a.refresh().unwrap());
        for (uid, owner) in owners {
            assert_eq!(a.owner(*uid), *owner, "{text:?} {uid}");
        }
        assert_eq!(a.subuid_faults().len(), faults, "{text:?}");
        // Told as ranges it is the same, and the ranges are in order and apart.
        let ranges = a.ranges();
        assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0) && ranges.iter().all(|r| r.0 <= r.1));
        for (uid, owner) in owners {
            let found = ranges.iter().find(|(first, last, _)| (*first..=*last).contains(uid));
            assert_eq!(found.map_or(*uid, |(.., owner)| *owner), *owner, "{text:?} {uid}");
        }
    };
    check(Some("shop:100000:65536\n"), &[(100_000, 1_001), (165_536, 165_536), (1_001, 1_001), (0, 0)], 0);
    // Who has a line in passwd is nobody else's, account or not.
    check(Some("shop:0:70000"), &[(0, 0), (33, 33), (1_002, 1_002), (65_534, 65_534), (3_101, 1_001)], 0);
    check(Some("www-data:200000:10\nghost:1:1\n"), &[(200_009, 33), (100_000, 100_000)], 1);
    check(None, &[(200_009, 200_009)], 0);
    check(Some("shop:100000:65536\n"), &[(100_000, 1_001)], 0);
    assert!(!a.refresh().unwrap());
    assert_eq!((a.subuids_of(1_001), a.subuids_of(1_002)), (vec![(100_000, 165_536)], vec![]));
    // A new user gets the range that named him before he was there.
    fs::write(&subuid, "late:300000:5\n").unwrap();
    a.refresh().unwrap();
    assert_eq!(a.owner(300_000), 300_000);
    fs::write(&passwd, format!("{PASSWD}late:x:1009:1::/home/late:/bin/sh\n")).unwrap();
    a.refresh().unwrap();
    assert_eq!(a.owner(300_000), 1_009);
    assert!(a.entries().any(|(uid, entry)| uid == 1_009 && entry.user == "late"));
}
