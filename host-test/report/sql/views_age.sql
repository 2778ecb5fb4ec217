-- When views were read: the oldest figure and the newest one. Views count since a document was made.
SELECT min(read_at) AS oldest, max(read_at) AS newest
FROM confluence_page_views
WHERE views_count IS NOT NULL AND read_at < :until
