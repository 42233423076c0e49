-- One row: all of a window, and of the time that it is compared with.
SELECT sum(heard) AS heard, sum(before) AS before
FROM (/* cells */)
WHERE /* which */
