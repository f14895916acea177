//! What a process uses while something runs: memory and processors, as `/proc` tells.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use storage_testkit::ServiceProcess;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A process that is looked at.
pub(crate) struct Watched {
    directory: PathBuf,
}

/// What it has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    /// Processors, on average.
    pub(crate) cores: f64,
    /// The most memory at any look, in MB; pages of its files count.
    pub(crate) megabytes: f64,
}

impl Watched {
    pub(crate) fn of(service: &ServiceProcess) -> Result<Self> {
        let process = service.process().context("the service has ended")?;
        Ok(Self { directory: PathBuf::from(format!("/proc/{}", process.pid)) })
    }

    /// Runs `work`, and looks at the process meanwhile.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = Result<T>>) -> Result<(T, Used)> {
        let (begun, before) = (Instant::now(), self.processor_seconds()?);
        let mut look = tokio::time::interval(LOOK);
        let mut work = std::pin::pin!(work);
        let mut megabytes = 0.0_f64;
        let output = loop {
            tokio::select! {
                output = &mut work => break output?,
                _ = look.tick() => megabytes = megabytes.max(self.megabytes()?),
            }
        };
        let cores = (self.processor_seconds()? - before) / begun.elapsed().as_secs_f64();
        Ok((output, Used { cores, megabytes }))
    }

    fn processor_seconds(&self) -> Result<f64> {
        let ticks = processor_ticks(&self.read("stat")?).context("no processor time in stat")?;
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        Ok(f64::from(u32::try_from(ticks)?) / f64::from(u32::try_from(ticks_per_second)?))
    }

    fn megabytes(&self) -> Result<f64> {
        let kilobytes = resident_kilobytes(&self.read("status")?).context("no VmRSS in status")?;
        Ok(f64::from(kilobytes) * 1024.0 / 1e6)
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = self.directory.join(file);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }
}

/// Time in user mode and in the kernel. The name before may hold spaces and brackets, see proc(5).
fn processor_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn resident_kilobytes(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{processor_ticks, resident_kilobytes};

    #[test]
    fn proc_is_read_whatever_the_name() {
        let stat = "17 (a) b (c) S 1 17 17 0 -1 4194304 900 0 3 0 120 45 0 0 20 0 9 0 100 1000 200";
        assert_eq!(processor_ticks(stat), Some(165));
        assert_eq!(processor_ticks("17 (a) S 1"), None);
        assert_eq!(resident_kilobytes("VmPeak:\t 9 kB\nVmRSS:\t  4711 kB\nRssAnon:\t 1 kB"), Some(4711));
        assert_eq!(resident_kilobytes("State:\tZ (zombie)"), None);
    }
}
