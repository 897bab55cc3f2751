//! Writes GGUF files byte by byte, right ones and others.

/// A metadata value: its type's number and its bytes.
#[derive(Clone)]
pub(crate) struct Bytes(pub(crate) u32, pub(crate) Vec<u8>);

pub(crate) fn text(value: &str) -> Bytes {
    Bytes(8, string(value))
}

pub(crate) fn number(value: u32) -> Bytes {
    Bytes(4, value.to_le_bytes().to_vec())
}

pub(crate) fn float(value: f32) -> Bytes {
    Bytes(6, value.to_le_bytes().to_vec())
}

pub(crate) fn flag(value: bool) -> Bytes {
    Bytes(7, vec![u8::from(value)])
}

/// An array: the type of its elements, how many there are said to be, and their bytes.
pub(crate) fn array(kind: u32, count: u64, elements: &[u8]) -> Bytes {
    Bytes(9, [&kind.to_le_bytes(), &count.to_le_bytes()[..], elements].concat())
}

pub(crate) fn texts(values: &[&str]) -> Bytes {
    let elements: Vec<u8> = values.iter().flat_map(|value| string(value)).collect();
    array(8, values.len() as u64, &elements)
}

pub(crate) fn numbers(values: &[u32]) -> Bytes {
    let elements: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    array(4, values.len() as u64, &elements)
}

pub(crate) fn floats(values: &[f32]) -> Bytes {
    let elements: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    array(6, values.len() as u64, &elements)
}

pub(crate) fn string(value: &str) -> Vec<u8> {
    [&(value.len() as u64).to_le_bytes(), value.as_bytes()].concat()
}

/// An entry of the list of tensors.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    /// In the file's order: the row's length first.
    pub(crate) sizes: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
}

/// A file, which may lie.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) version: u32,
    pub(crate) metadata: Vec<(String, Bytes)>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) data: Vec<u8>,
    /// What the header says instead of the true numbers of tensors and pairs.
    pub(crate) counts: Option<(u64, u64)>,
}

impl File {
    /// A Llama of one layer with 8 numbers in its hidden state and 4 tokens, all weights zero.
    pub(crate) fn llama() -> Self {
        let mut file = Self {
            version: 3,
            metadata: Vec::new(),
            tensors: Vec::new(),
            data: Vec::new(),
            counts: None,
        };
        for (key, value) in [
            ("general.architecture", text("llama")),
            ("llama.embedding_length", number(8)),
            ("llama.block_count", number(1)),
            ("llama.attention.head_count", number(2)),
            ("llama.attention.head_count_kv", number(1)),
            ("llama.feed_forward_length", number(4)),
            ("llama.context_length", number(16)),
            ("llama.attention.layer_norm_rms_epsilon", float(1e-5)),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("llama-bpe")),
            ("tokenizer.ggml.tokens", texts(&["a", "b", "ab", "<s>"])),
            ("tokenizer.ggml.token_type", numbers(&[1, 1, 1, 3])),
            ("tokenizer.ggml.merges", texts(&["a b"])),
            ("tokenizer.ggml.bos_token_id", number(3)),
        ] {
            file.metadata.push((key.to_owned(), value));
        }
        for (name, sizes) in [
            ("token_embd.weight", &[8, 4][..]),
            ("output_norm.weight", &[8]),
            ("blk.0.attn_norm.weight", &[8]),
            ("blk.0.attn_q.weight", &[8, 8]),
            ("blk.0.attn_k.weight", &[8, 4]),
            ("blk.0.attn_v.weight", &[8, 4]),
            ("blk.0.attn_output.weight", &[8, 8]),
            ("blk.0.ffn_norm.weight", &[8]),
            ("blk.0.ffn_gate.weight", &[8, 4]),
            ("blk.0.ffn_up.weight", &[8, 4]),
            ("blk.0.ffn_down.weight", &[4, 8]),
        ] {
            file.tensors.push(Tensor {
                name: name.to_owned(),
                sizes: sizes.to_vec(),
                kind: 0,
                offset: file.data.len() as u64,
            });
            let bytes = 4 * sizes.iter().product::<u64>() as usize;
            file.data.resize((file.data.len() + bytes).next_multiple_of(32), 0);
        }
        file
    }

    /// The same with a key's value, in place of the one it had.
    pub(crate) fn with(mut self, key: &str, value: Bytes) -> Self {
        match self.metadata.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.metadata.push((key.to_owned(), value)),
        }
        self
    }

    /// The same without a key.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.metadata.retain(|(known, _)| known != key);
        self
    }

    /// The same with a tensor changed.
    pub(crate) fn tensor(mut self, name: &str, change: impl FnOnce(&mut Tensor)) -> Self {
        change(self.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap());
        self
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (tensors, pairs) = self
            .counts
            .unwrap_or((self.tensors.len() as u64, self.metadata.len() as u64));
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(pairs.to_le_bytes());
        for (key, Bytes(kind, value)) in &self.metadata {
            bytes.extend(string(key));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(value);
        }
        for tensor in &self.tensors {
            bytes.extend(string(&tensor.name));
            bytes.extend((tensor.sizes.len() as u32).to_le_bytes());
            bytes.extend(tensor.sizes.iter().flat_map(|size| size.to_le_bytes()));
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend(tensor.offset.to_le_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(&self.data);
        bytes
    }
}
