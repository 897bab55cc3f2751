//! Chat templates in the manner of the model families that we run, written for these tests.

use refuel_task::{ChatTemplate, Message, Role};

/// `ChatML`, as `SmolLM2` and Qwen2.5 write it; a system turn of its own where none is given.
pub(crate) const CHATML: &str = "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}\
    {{ '<|im_start|>system\\nBe helpful.<|im_end|>\\n' }}{% endif %}\
    {{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}\
    {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// Llama 3: trims what is said, and tells the date.
pub(crate) const LLAMA3: &str = "{{- bos_token }}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if strftime_now is defined %}
    {%- set date = strftime_now('%d %b %Y') %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set told = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set told = '' %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday: ' + date + '\\n\\n' + told + '<|eot_id|>' }}
{%- if tools is not none %}
    {{- raise_exception('no tools here') }}
{%- endif %}
{%- for message in messages %}
    {%- if 'tool_calls' in message %}
        {{- raise_exception('no tools here') }}
    {%- endif %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
";

/// Gemma: no system turn, turns must alternate, the model is called `model`.
pub(crate) const GEMMA: &str = "{{ bos_token }}
{%- if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate') }}
    {%- endif %}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
    {{- '<start_of_turn>' + role + '\\n' + message['content'].strip() + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}";

/// Mistral: no system turn, a space before what is said, the answer behind a space that the prompt does not have.
pub(crate) const MISTRAL: &str = "{{ bos_token }}{% for message in messages %}\
    {% if message.role == 'user' %}{{ ' [INST] ' + message.content + ' [/INST]' }}\
    {% elif message.role == 'assistant' %}{{ ' ' + message.content + eos_token }}\
    {% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}";

/// Later Mistral: what the model is told stands in the last turn of the user.
pub(crate) const MISTRAL_LATE_SYSTEM: &str = "{%- if messages[0].role == 'system' %}
    {%- set told = messages[0].content %}{%- set turns = messages[1:] %}
{%- else %}{%- set turns = messages %}{%- endif %}
{{- bos_token }}
{%- for message in turns %}
    {%- if message.role == 'user' %}
        {%- if loop.last and told is defined %}{{- '[INST] ' + told + '\\n\\n' + message.content + '[/INST]' }}
        {%- else %}{{- '[INST] ' + message.content + '[/INST]' }}{%- endif %}
    {%- else %}{{- ' ' + message.content + eos_token }}{%- endif %}
{%- endfor %}";

fn chatml() -> ChatTemplate {
    ChatTemplate::new(CHATML, "<|im_start|>", "<|im_end|>").expect("a template")
}

fn say(role: Role, content: &str) -> Message {
    Message {
        role,
        content: content.to_owned(),
    }
}

#[test]
fn templates_render_as_their_families_do() {
    let messages = [
        say(Role::System, "Sort."),
        say(Role::User, " Late! "),
        say(Role::Assistant, "delivery"),
        say(Role::User, "?"),
    ];
    insta::assert_snapshot!(chatml().render(&messages, true).expect("text"), @r"
    <|im_start|>system
    Sort.<|im_end|>
    <|im_start|>user
     Late! <|im_end|>
    <|im_start|>assistant
    delivery<|im_end|>
    <|im_start|>user
    ?<|im_end|>
    <|im_start|>assistant
    ");
    let llama = ChatTemplate::new(LLAMA3, "<|begin_of_text|>", "<|eot_id|>").expect("a template");
    insta::assert_snapshot!(llama.render(&messages, true).expect("text"), @r"
    <|begin_of_text|><|start_header_id|>system<|end_header_id|>

    Today: 26 Jul 2024

    Sort.<|eot_id|><|start_header_id|>user<|end_header_id|>

    Late!<|eot_id|><|start_header_id|>assistant<|end_header_id|>

    delivery<|eot_id|><|start_header_id|>user<|end_header_id|>

    ?<|eot_id|><|start_header_id|>assistant<|end_header_id|>
    ");
    let gemma = ChatTemplate::new(GEMMA, "<bos>", "<eos>").expect("a template");
    insta::assert_snapshot!(gemma.render(&messages[1..], true).expect("text"), @r"
    <bos><start_of_turn>user
    Late!<end_of_turn>
    <start_of_turn>model
    delivery<end_of_turn>
    <start_of_turn>user
    ?<end_of_turn>
    <start_of_turn>model
    ");
}

#[test]
fn what_a_template_can_do_is_found_out() {
    let about = |source: &str| {
        let template = ChatTemplate::new(source, "<s>", "</s>").expect("a template");
        (template.has_system(), template.terminator().map(ToOwned::to_owned))
    };
    assert_eq!(about(CHATML), (true, Some("<|im_end|>".to_owned())));
    assert_eq!(about(LLAMA3), (true, Some("<|eot_id|>".to_owned())));
    assert_eq!(about(GEMMA), (false, Some("<end_of_turn>".to_owned())));
    assert_eq!(about(MISTRAL), (false, Some("</s>".to_owned())));
    assert_eq!(about(MISTRAL_LATE_SYSTEM), (true, Some("</s>".to_owned())));
    let silent = "{% for m in messages if m.role != 'system' %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
    assert_eq!(
        about(silent),
        (false, Some("</s>".to_owned())),
        "a system turn that is left out is not shown"
    );
}

#[test]
fn tags_that_mark_what_is_learnt_change_nothing() {
    let marked = CHATML
        .replace("{{ '<|im_start|>' +", "{% generation %}{{ '<|im_start|>' +")
        .replace("{% endfor %}", "{%- endgeneration -%}{% endfor %}");
    let marked = ChatTemplate::new(&marked, "", "").expect("a template");
    let messages = [say(Role::User, "{% generation %}")];
    assert_eq!(
        marked.render(&messages, true).expect("text"),
        chatml().render(&messages, true).expect("text")
    );
}

#[test]
fn a_template_that_cannot_be_used_says_why() {
    let why = |source: &str| ChatTemplate::new(source, "", "").expect_err("not usable").to_string();
    insta::assert_snapshot!(why("{% for m in messages %}{{ m.content }}\n{% endif %}"), @"the model's chat template is not valid in its line 2: unknown statement endif");
    insta::assert_snapshot!(why("Hello."), @"the model's chat template leaves out what the user says");
    insta::assert_snapshot!(why("{{ messages[0].content }}{{ messages[0].content }}"), @"the model's chat template shows what the user says more than once");
    insta::assert_snapshot!(why("{{ messages[0].content | upper | replace('0', 'o') }}"), @"the model's chat template leaves out what the user says");
    insta::assert_snapshot!(why("\n{{ raise_exception('never asked') }}"), @"the model's chat template raises an error in its line 2: never asked");
    insta::assert_snapshot!(why("{{ messages[0].tool.name }}"), @"the model's chat template raises an error in its line 1: undefined value");
    insta::assert_snapshot!(why("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}"), @"the model's chat template does too much work for one prompt");
    let error = ChatTemplate::new("Hello.", "", "").expect_err("not usable");
    assert_eq!(error.code(), "RF0411");
    assert!(error.hint().is_some());
}

#[test]
fn a_template_is_bounded_in_length() {
    let error = ChatTemplate::new(&"x".repeat(2 << 20), "", "")
        .expect_err("too long")
        .to_string();
    assert_eq!(
        error,
        "the model's chat template has 2097152 bytes; 1048576 are the most"
    );
}
