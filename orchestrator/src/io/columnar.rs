//! Parquet in.

use std::fs::File;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::chunk::Body;
use super::{CHUNK_BYTES, Chunk, Input, IoError, Reader, positions, refuse_duplicates};

/// Rows decoded at a time, unless they are large.
const BATCH: usize = 2048;

/// Reads Parquet.
pub(super) struct ParquetReader {
    input: Input,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    columns: Vec<String>,
    wanted: Arc<[String]>,
    positions: Arc<[usize]>,
    row: u64,
    /// Decoded rows that no chunk has taken yet.
    rest: Option<RecordBatch>,
}

impl ParquetReader {
    /// Opens a table. Standard input is put into a temporary file first, since Parquet is read from its end.
    pub(super) fn open(input: &Input, wanted: &[String]) -> Result<Self, IoError> {
        let builder = builder(input)?;
        let groups = builder.metadata().row_groups();
        let largest = groups
            .iter()
            .map(|group| group.total_byte_size() / group.num_rows().max(1))
            .max();
        let row_bytes = largest.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        let reader = builder
            .with_batch_size((CHUNK_BYTES / row_bytes.max(1)).clamp(1, BATCH))
            .build()
            .map_err(|source| IoError::ReadParquet {
                input: input.to_string(),
                source,
            })?;
        let schema: SchemaRef = arrow::record_batch::RecordBatchReader::schema(&reader);
        let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        refuse_duplicates(&input.to_string(), &columns)?;
        let positions = positions(&input.to_string(), &columns, wanted)?.into();
        Ok(Self {
            input: input.clone(),
            reader,
            schema,
            columns,
            wanted: wanted.into(),
            positions,
            row: 0,
            rest: None,
        })
    }

    /// Takes up to `rows` decoded rows.
    fn take(&mut self, rows: usize) -> Result<Option<RecordBatch>, IoError> {
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => loop {
                match self.reader.next().transpose() {
                    Ok(Some(batch)) if batch.num_rows() == 0 => {}
                    Ok(Some(batch)) => break batch,
                    Ok(None) => return Ok(None),
                    Err(error) => {
                        let source = ParquetError::ArrowError(error.to_string());
                        return Err(IoError::ReadParquet {
                            input: self.input.to_string(),
                            source,
                        });
                    }
                }
            },
        };
        if batch.num_rows() > rows {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
            return Ok(Some(batch.slice(0, rows)));
        }
        Ok(Some(batch))
    }
}

/// Opens a Parquet file and reads its footer.
pub(super) fn builder(input: &Input) -> Result<ParquetRecordBatchReaderBuilder<File>, IoError> {
    let file = match input {
        Input::File(path) => input.open_file(path)?,
        Input::Stdin => spool(input)?,
    };
    if file
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
    {
        return Err(IoError::Empty {
            input: input.to_string(),
        });
    }
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|source| IoError::ReadParquet {
        input: input.to_string(),
        source,
    })
}

fn spool(input: &Input) -> Result<File, IoError> {
    let spool = || {
        let mut file = tempfile::tempfile()?;
        std::io::copy(&mut std::io::stdin().lock(), &mut file)?;
        Ok(file)
    };
    spool().map_err(|source| input.unreadable(source))
}

impl Reader for ParquetReader {
    fn columns(&self) -> Option<&[String]> {
        Some(&self.columns)
    }

    fn schema(&self) -> Option<SchemaRef> {
        Some(Arc::clone(&self.schema))
    }

    fn next_chunk(&mut self, rows: usize) -> Result<Option<Chunk>, IoError> {
        let Some(batch) = self.take(rows)? else { return Ok(None) };
        let first_row = self.row;
        self.row += batch.num_rows() as u64;
        let body = Body::Columnar {
            batch,
            positions: Arc::clone(&self.positions),
        };
        Ok(Some(Chunk {
            first_row,
            wanted: Arc::clone(&self.wanted),
            body,
        }))
    }

    fn skip(&mut self, rows: u64) -> Result<u64, IoError> {
        let mut left = rows;
        while left > 0 {
            let Some(batch) = self.take(usize::try_from(left).unwrap_or(usize::MAX))? else {
                break;
            };
            left -= batch.num_rows() as u64;
            self.row += batch.num_rows() as u64;
        }
        Ok(rows - left)
    }
}
