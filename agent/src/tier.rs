//! Which tier meters: the best that this kernel and these rights allow, or the one that the configuration names.

use crate::config::{Config, KernelTier};
use crate::ebpf::{KernelError, KernelSampler};
use crate::reading::Reading;
use crate::sampler::{SampleError, Sampler, SamplerConfig};
use crate::sampling::Sweep;

/// The sampler of this host, as the sampling thread calls it.
pub fn sweep(config: &Config) -> Result<Sweep, SampleError> {
    let wanted = SamplerConfig::of(config);
    match config.kernel {
        KernelTier::Proc => by_proc(&wanted, None),
        KernelTier::Ebpf => Ok(by_kernel(kernel(config, &wanted)?)),
        KernelTier::Auto => match kernel(config, &wanted) {
            Ok(sampler) => Ok(by_kernel(sampler)),
            Err(SampleError::Kernel(why)) => {
                tracing::warn!(%why, "metering by /proc, which misses short processes");
                by_proc(&wanted, Some(format!("eBPF is not used: {why}")))
            }
            Err(other) => Err(other),
        },
    }
}

fn kernel(config: &Config, wanted: &SamplerConfig) -> Result<KernelSampler, SampleError> {
    match KernelSampler::new(wanted, config.bpffs.as_deref()) {
        // Its figures then end with the agent; a restart names a gap.
        Err(SampleError::Kernel(KernelError::Pins { path, why })) => {
            tracing::warn!(path = %path.display(), why, "figures will not outlive the agent");
            KernelSampler::new(wanted, None)
        }
        other => other,
    }
}

fn by_kernel(mut sampler: KernelSampler) -> Sweep {
    Box::new(move |top| sampler.sweep(top).map_err(|e| e.to_string()))
}

/// `why_not`: why no better tier is used.
fn by_proc(wanted: &SamplerConfig, why_not: Option<String>) -> Result<Sweep, SampleError> {
    let mut sampler = Sampler::new(wanted)?;
    Ok(Box::new(move |top| {
        let mut reading = sampler.sweep(top).map_err(|e| e.to_string())?;
        say(&mut reading, why_not.as_deref());
        Ok(reading)
    }))
}

fn say(reading: &mut Reading, why_not: Option<&str>) {
    let Some(why) = why_not else { return };
    if !reading.limited.is_empty() {
        reading.limited.push_str("; ");
    }
    reading.limited.push_str(why);
}
