-- refuel_complete: text that a model writes.
SELECT length(refuel_complete('What is the capital of France?', 'smollm2-135m-instruct', '{"max_tokens": 8}')) > 0 AS written;

-- The same prompt has the same answer: the likeliest token is taken at every step.
SELECT refuel_complete('What is the capital of France?', 'smollm2-135m-instruct', '{"max_tokens": 8}')
     = refuel_complete('What is the capital of France?', 'smollm2-135m-instruct', '{"max_tokens": 8}') AS same;

-- Fewer tokens are the beginning of more.
SELECT starts_with(refuel_complete('What is the capital of France?', 'smollm2-135m-instruct', '{"max_tokens": 16}'),
                   rtrim(refuel_complete('What is the capital of France?', 'smollm2-135m-instruct', '{"max_tokens": 4}'))) AS begins;

-- A text that ends the reply is not part of it.
SELECT position('a' IN refuel_complete('What is the capital of France?', 'smollm2-135m-instruct', '{"max_tokens": 16, "stop": ["a"]}')) AS position;

-- Guidelines are what the model is told before.
SELECT length(refuel_complete('Paris', 'smollm2-135m-instruct', '{"max_tokens": 8, "guidelines": "Answer with one word."}')) > 0 AS written;

SELECT refuel_complete(NULL, 'smollm2-135m-instruct') IS NULL AS of_null,
       refuel_complete('', 'smollm2-135m-instruct') IS NULL AS of_nothing;

-- Options that are none.
SELECT refuel_complete('Paris', 'smollm2-135m-instruct', '{"max_token": 8}');
SELECT refuel_complete('Paris', 'smollm2-135m-instruct', '{"max_tokens": 0}');
SELECT refuel_complete('Paris', 'smollm2-135m-instruct', '{"max_tokens": "8"}');
SELECT refuel_complete('Paris', 'smollm2-135m-instruct', '{"stop": [1]}');
SELECT refuel_complete('Paris', 'smollm2-135m-instruct', '[]');
SELECT refuel_complete('Paris', 'all-minilm-l6-v2');
