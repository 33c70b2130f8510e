//! What users have on file systems with user quotas, read for the agent: that needs `CAP_SYS_ADMIN`.
//!
//! By `quotactl(Q_GETQUOTA)` for each uid that was asked for. Nothing is ever changed.

use super::limits::{FILE_SYSTEMS_MAX, SYSTEM_FILE_MAX_BYTES};
use super::protocol::FileSystemUse;
use nix::errno::Errno;
use nix::sys::quota::{Dqblk, QuotaType, quotactl_get};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

const MOUNTS: &str = "/proc/self/mountinfo";

/// Bytes and inodes of one user.
type Used = (u64, u64);

/// What these uids have on every mounted file system with user quotas. File systems without are left out; one whose
/// quotas may not be read has an error.
pub fn read(uids: &[u32]) -> std::io::Result<Vec<FileSystemUse>> {
    let mut text = Vec::new();
    File::open(MOUNTS)?.take(SYSTEM_FILE_MAX_BYTES).read_to_end(&mut text)?;
    let own = rustix::process::geteuid().as_raw();
    Ok(read_all(&file_systems(&text), own, uids, quota))
}

/// By device number: the block device, of file systems that have one.
fn file_systems(mountinfo: &[u8]) -> BTreeMap<(u32, u32), String> {
    let mut out = BTreeMap::new();
    for line in mountinfo.split(|b| *b == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
        // 36 35 98:0 / /home rw,noatime shared:1 - ext4 /dev/sda1 rw (proc_pid_mountinfo(5))
        let Some((mount, file_system)) = line.split_once(" - ") else { continue };
        let device = mount.split(' ').nth(2).and_then(|d| d.split_once(':'));
        let device = device.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let source = file_system.split(' ').nth(1).filter(|s| s.starts_with('/') && !s.contains('\\'));
        if let (Some(device), Some(source)) = (device, source)
            && out.len() < FILE_SYSTEMS_MAX
        {
            out.insert(device, source.to_owned());
        }
    }
    out
}

fn read_all(
    file_systems: &BTreeMap<(u32, u32), String>,
    own_uid: u32,
    uids: &[u32],
    get: impl Fn(&str, u32) -> Result<Used, Errno>,
) -> Vec<FileSystemUse> {
    let mut out = Vec::new();
    for (device, source) in file_systems {
        // Everybody may ask for his own: so it is known whether there are quotas before any right is needed.
        if get(source, own_uid).is_err() {
            continue;
        }
        let mut one = FileSystemUse { device: *device, rows: Vec::new(), error: None };
        for uid in uids {
            match get(source, *uid) {
                Ok((bytes, files)) => one.rows.push((*uid, bytes.div_ceil(1_024), files)),
                Err(e) => {
                    one.error = Some(match e {
                        Errno::EPERM => format!("quotas of {source} may be read with CAP_SYS_ADMIN only"),
                        e => format!("quotas of {source} cannot be read: {}", e.desc()),
                    });
                    one.rows.clear();
                    break;
                }
            }
        }
        out.push(one);
    }
    out
}

fn quota(device: &str, uid: u32) -> Result<Used, Errno> {
    let found: Dqblk = quotactl_get(QuotaType::USRQUOTA, device, uid.cast_signed())?;
    found.occupied_space().zip(found.allocated_inodes()).ok_or(Errno::ENODATA)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &[u8] = b"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,quota,usrquota\n\
        23 22 0:5 / /proc rw - proc proc rw\n\
        24 22 8:1 /srv /home/x/srv rw - ext4 /dev/sda1 rw\n\
        25 22 253:3 / /data rw shared:2 master:3 - xfs /dev/mapper/vg-data rw,usrquota\n\
        26 22 8:17 / /mnt/a\\040b rw - ext4 /dev/disk\\040b rw\n\
        27 22 x:1 / /y rw - ext4 /dev/sdy rw\nbroken\n\xff\n";

    #[test]
    fn file_systems_with_a_block_device_count_once() {
        let got = file_systems(MOUNTINFO);
        let want = [((8, 1), "/dev/sda1".to_owned()), ((253, 3), "/dev/mapper/vg-data".to_owned())];
        assert_eq!(got, want.into());
        let many: String =
            (0..FILE_SYSTEMS_MAX * 2).map(|n| format!("1 1 9:{n} / /m rw - ext4 /dev/x{n} rw\n")).collect();
        assert_eq!(file_systems(many.as_bytes()).len(), FILE_SYSTEMS_MAX);
    }

    #[test]
    fn rows_and_refusals() {
        let check = |get: &dyn Fn(&str, u32) -> Result<Used, Errno>, want: &str| {
            let got = read_all(&file_systems(MOUNTINFO), 0, &[1_001, 1_002], get);
            assert_eq!(serde_json::to_string(&got).unwrap(), want);
        };
        check(&|_, _| Err(Errno::ESRCH), "[]");
        check(&|_, _| Err(Errno::ENOENT), "[]");
        check(
            &|device, uid| {
                if device == "/dev/sda1" { Ok((u64::from(uid) * 1_024 + 1, 7)) } else { Err(Errno::ENOSYS) }
            },
            r#"[{"device":[8,1],"rows":[[1001,1002,7],[1002,1003,7]]}]"#,
        );
        check(
            &|device, uid| if uid == 0 && device == "/dev/sda1" { Ok((0, 0)) } else { Err(Errno::EPERM) },
            r#"[{"device":[8,1],"rows":[],"error":"quotas of /dev/sda1 may be read with CAP_SYS_ADMIN only"}]"#,
        );
        check(
            &|_, uid| if uid == 1_002 { Err(Errno::EIO) } else { Ok((0, 0)) },
            r#"[{"device":[8,1],"rows":[],"error":"quotas of /dev/sda1 cannot be read: I/O error"},{"device":[253,3],"rows":[],"error":"quotas of /dev/mapper/vg-data cannot be read: I/O error"}]"#,
        );
    }

    #[test]
    fn this_machine_answers() {
        // With quotas here or without: no error, and a row for each uid where there are any.
        for found in read(&[0, 65_534]).unwrap() {
            assert!(found.error.is_some() || found.rows.len() == 2, "{found:?}");
        }
    }
}
