//! Hard limits for branch servers, where the operator has delegated a cgroup v2 folder to Bough: memory and
//! processor time by cluster size. Without such a folder a size is what the server is told to keep to.

use std::fs;
use std::path::{Path, PathBuf};

use bough_model::{BranchId, ClusterSize};

use crate::EngineError;

/// The controllers that limits need.
const CONTROLLERS: &[&str] = &["cpu", "memory"];
/// The span over which processor time is counted, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// The delegated folder, if there is one.
#[derive(Debug)]
pub struct Cgroups {
    root: Option<PathBuf>,
}

impl Cgroups {
    /// Takes the folder, and has its children limited.
    ///
    /// # Errors
    /// [`EngineError::Layout`] when it is no cgroup, or one that lacks the controllers.
    pub fn open(root: Option<PathBuf>) -> Result<Self, EngineError> {
        let Some(folder) = &root else { return Ok(Self { root }) };
        let refuse = |why: String| EngineError::Layout { path: folder.clone(), why };
        let there = fs::read_to_string(folder.join("cgroup.controllers")).map_err(|error| {
            refuse(format!(
                "is no folder of cgroup v2 that can be read ({error}); name one that is delegated to Bough, or leave \
                 [engine] cgroup empty"
            ))
        })?;
        let there: Vec<&str> = there.split_whitespace().collect();
        let missing: Vec<&str> =
            CONTROLLERS.iter().copied().filter(|controller| !there.contains(controller)).collect();
        if !missing.is_empty() {
            return Err(refuse(format!(
                "lacks the controllers {}; have them delegated (under systemd: Delegate=cpu memory)",
                missing.join(" and ")
            )));
        }
        let wanted: Vec<String> = CONTROLLERS.iter().map(|controller| format!("+{controller}")).collect();
        put(&folder.join("cgroup.subtree_control"), &wanted.join(" "))?;
        Ok(Self { root })
    }

    fn folder(&self, id: &BranchId) -> Option<PathBuf> {
        self.root.as_ref().map(|root| root.join(format!("bough-{id}")))
    }

    /// Puts a server under the limits of its size.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn admit(&self, id: &BranchId, pid: i32, size: &ClusterSize) -> Result<(), EngineError> {
        let Some(folder) = self.folder(id) else { return Ok(()) };
        if !folder.is_dir() {
            fs::create_dir(&folder).map_err(EngineError::io("make", &folder))?;
        }
        self.limit(id, size)?;
        put(&folder.join("cgroup.procs"), &pid.to_string())
    }

    /// Sets the limits of a size.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn limit(&self, id: &BranchId, size: &ClusterSize) -> Result<(), EngineError> {
        let Some(folder) = self.folder(id).filter(|folder| folder.is_dir()) else { return Ok(()) };
        put(&folder.join("memory.max"), &size.ram_bytes.to_string())?;
        put(&folder.join("cpu.max"), &cpu_max(&size.cpu))
    }

    /// Has room for both sizes while one becomes the other.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn widen(&self, id: &BranchId, size: &ClusterSize) -> Result<(), EngineError> {
        let Some(folder) = self.folder(id).filter(|folder| folder.is_dir()) else { return Ok(()) };
        let file = folder.join("memory.max");
        let now = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok());
        if now.is_some_and(|now| now < size.ram_bytes) {
            put(&file, &size.ram_bytes.to_string())?;
        }
        Ok(())
    }

    /// Removes the folder of a branch whose server has ended.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn remove(&self, id: &BranchId) -> Result<(), EngineError> {
        let Some(folder) = self.folder(id).filter(|folder| folder.is_dir()) else { return Ok(()) };
        fs::remove_dir(&folder).map_err(EngineError::io("remove", &folder))
    }
}

fn put(file: &Path, text: &str) -> Result<(), EngineError> {
    fs::write(file, text).map_err(EngineError::io("write", file))
}

/// `1/8` and `2` as the kernel wants it: microseconds in each period. What is no number is no limit.
fn cpu_max(cpu: &str) -> String {
    let (whole, parts) = cpu.split_once('/').unwrap_or((cpu, "1"));
    match (whole.trim().parse::<u64>(), parts.trim().parse::<u64>()) {
        (Ok(whole), Ok(parts)) if whole > 0 && parts > 0 => {
            format!("{} {CPU_PERIOD_US}", whole.saturating_mul(CPU_PERIOD_US) / parts)
        }
        _ => format!("max {CPU_PERIOD_US}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_processor() {
        assert_eq!(cpu_max("1/8"), "12500 100000");
        assert_eq!(cpu_max("2"), "200000 100000");
        for none in ["", "many", "1/0", "0"] {
            assert_eq!(cpu_max(none), "max 100000", "{none}");
        }
    }

    #[test]
    fn what_is_no_cgroup_is_refused_with_the_mend() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Cgroups::open(Some(folder.path().to_owned())).expect_err("no cgroup");
        assert!(error.to_string().contains("[engine] cgroup"), "{error}");
        fs::write(folder.path().join("cgroup.controllers"), "cpu io\n").expect("written");
        let error = Cgroups::open(Some(folder.path().to_owned())).expect_err("no memory controller");
        assert!(error.to_string().contains("Delegate=cpu memory"), "{error}");
    }
}
