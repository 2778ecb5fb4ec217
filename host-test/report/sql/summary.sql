-- How much there is: one row. Views count since a document was made, and are null where nobody could count.
SELECT
    count(*) AS documents,
    count(views_count) AS documents_counted,
    coalesce(sum(views_count), 0) AS views,
    coalesce(sum(CASE WHEN updated_at < :year_ago THEN 1 ELSE 0 END), 0) AS untouched,
    coalesce(sum(CASE WHEN updated_at < :year_ago AND views_count > 0 THEN 1 ELSE 0 END), 0) AS untouched_yet_read,
    min(created_at) AS oldest,
    max(updated_at) AS newest,
    min(source_url) AS any_url
FROM confluence_pages
WHERE status IN ('current', 'archived') AND created_at < :until
