//! What a sampler needs to know, and how making one or a sweep can fail.

use crate::accounts::{Accounts, AccountsError, Bounds, Who};
use crate::config::{Config, UserRef};
use crate::ebpf::KernelError;
use crate::proc::{ProcError, Unread};
use std::path::PathBuf;

/// Where to look, and who is an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplerConfig {
    /// Root of /proc.
    pub proc_root: PathBuf,
    /// passwd(5).
    pub passwd: PathBuf,
    /// login.defs(5), for what `uid_min` and `uid_max` do not say.
    pub login_defs: PathBuf,
    /// subuid(5), whose uids belong to their owners; that the file is missing is usual. `None`: they belong to nobody.
    pub subuid: Option<PathBuf>,
    /// utmp(5); that the file is missing is usual. `None`: only children of the SSH server count as sessions.
    pub utmp: Option<PathBuf>,
    /// Lowest uid of an account.
    pub uid_min: Option<u32>,
    /// Highest uid of an account.
    pub uid_max: Option<u32>,
    /// Accounts outside of these bounds.
    pub include: Vec<Who>,
    /// No accounts, whatever else is said.
    pub exclude: Vec<Who>,
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self {
            proc_root: "/proc".into(),
            passwd: "/etc/passwd".into(),
            login_defs: "/etc/login.defs".into(),
            subuid: Some("/etc/subuid".into()),
            utmp: Some("/var/run/utmp".into()),
            uid_min: None,
            uid_max: None,
            include: Vec::new(),
            exclude: Vec::new(),
        }
    }
}

impl SamplerConfig {
    /// This host's own files, with the bounds and lists of the configuration.
    pub fn of(config: &Config) -> Self {
        let who = |list: &[UserRef]| {
            list.iter()
                .map(|user| match user {
                    UserRef::Uid(uid) => Who::Uid(*uid),
                    UserRef::Name(name) => Who::Name(name.clone()),
                })
                .collect()
        };
        let accounts = &config.accounts;
        Self {
            uid_min: accounts.uid_min,
            uid_max: accounts.uid_max,
            include: who(&accounts.include),
            exclude: who(&accounts.exclude),
            ..Self::default()
        }
    }

    /// The accounts that it describes, and the bounds of their uids.
    pub fn accounts(&self) -> Result<(Accounts, Bounds), AccountsError> {
        let bounds = Bounds::from_login_defs(&self.login_defs, self.uid_min, self.uid_max)?;
        let accounts = Accounts::new(&self.passwd, bounds, &self.include, &self.exclude)?;
        let accounts = match &self.subuid {
            Some(path) => accounts.with_subuid(path)?,
            None => accounts,
        };
        Ok((accounts, bounds))
    }
}

/// A sampler cannot be made, or a sweep gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// /proc as a whole.
    #[error(transparent)]
    Proc(#[from] ProcError),
    /// passwd or login.defs.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The boot id, without which figures of two boots could be mixed.
    #[error("the boot id cannot be read ({0})")]
    Boot(Unread),
    /// The programs in the kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The kernel gave no random number.
    #[error("the kernel gave no random number ({0})")]
    Random(String),
}
