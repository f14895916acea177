//! Reads named f32 tensors out of a safetensors file, one buffer each.
//!
//! The file is read, not mapped: a mapping cannot be had without `unsafe`, and a file that shrinks
//! under a mapping kills the process.

use crate::error::LoadError;
use bytemuck::cast_slice_mut;
use ndarray::{Array1, Array2};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

#[cfg(target_endian = "big")]
compile_error!("safetensors files hold little-endian numbers, which are read here as they are");

/// More than any header of a model this size; keeps a broken length from asking for memory.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// An open file of tensors.
pub(super) struct TensorFile {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    data_start: u64,
}

impl TensorFile {
    /// Opens the file and reads its table of contents.
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let read = |source| LoadError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read)?;
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(read)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER_BYTES {
            return Err(misfit(path, format!("its header claims {length} bytes")));
        }
        let mut header = Vec::new();
        file.by_ref().take(length).read_to_end(&mut header).map_err(read)?;
        let metadata = serde_json::from_slice(&header).map_err(|error| misfit(path, error.to_string()))?;
        Ok(Self { path: path.to_owned(), file, metadata, data_start: 8 + length })
    }

    /// The tensor `name`, if it has this shape.
    pub(super) fn matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Array2<f32>, LoadError> {
        let values = self.read(name, &[rows, columns])?;
        Array2::from_shape_vec((rows, columns), values).map_err(|error| misfit(&self.path, error.to_string()))
    }

    /// The tensor `name`, if it has this length.
    pub(super) fn vector(&mut self, name: &str, length: usize) -> Result<Array1<f32>, LoadError> {
        self.read(name, &[length]).map(Array1::from_vec)
    }

    fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let info =
            self.metadata.info(name).ok_or_else(|| misfit(&self.path, format!("{name} is missing")))?;
        if info.dtype != Dtype::F32 || info.shape != shape {
            let reason = format!("{name} is {:?} {:?}, not F32 {shape:?}", info.dtype, info.shape);
            return Err(misfit(&self.path, reason));
        }
        let offset = u64::try_from(info.data_offsets.0).unwrap_or(u64::MAX);
        let start = SeekFrom::Start(self.data_start.saturating_add(offset));
        let mut values = vec![0.0; shape.iter().product()];
        read_at(&mut self.file, start, &mut values)
            .map_err(|source| LoadError::Read { path: self.path.clone(), source })?;
        Ok(values)
    }
}

fn read_at(file: &mut File, start: SeekFrom, values: &mut [f32]) -> io::Result<()> {
    file.seek(start)?;
    file.read_exact(cast_slice_mut(values))
}

fn misfit(path: &Path, reason: String) -> LoadError {
    LoadError::Weights { path: path.to_owned(), reason }
}
