-- Listings a department, and how many of them are articles that we sell already.
SELECT category, count(*) AS listings, count(reference_id) AS known_articles, round(avg(price), 2) AS mean_price
FROM {{ ref('catalog') }}
GROUP BY category
