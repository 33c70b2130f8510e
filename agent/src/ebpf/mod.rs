//! The eBPF tier: the kernel itself adds up what every uid uses, so that nothing is missed between two sweeps, and a
//! sweep costs what there are accounts, not processes.
//!
//! `agent/bpf/` holds the programs. [`Programs`] loads and attaches them, or goes on with those that an agent before
//! this one has left pinned; [`KernelSampler`] makes readings of their figures.

mod cgroup;
mod layout;
mod pins;
mod programs;
mod sampler;
mod sessions;
mod shares;

pub use programs::{KernelError, Programs};
pub use sampler::KernelSampler;

#[cfg(test)]
mod tests;
