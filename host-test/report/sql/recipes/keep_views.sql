-- A recipe, not run for this page: keeps the figures of today, so that a later report shows the views that came since.
-- Run it after each report. Confluence itself only knows the views of all time.
CREATE TABLE IF NOT EXISTS confluence_page_views_history AS
SELECT page_id, views_count, read_at FROM confluence_page_views WHERE 1 = 0;
INSERT INTO confluence_page_views_history
SELECT page_id, views_count, read_at FROM confluence_page_views;
