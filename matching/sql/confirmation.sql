-- Whether the public website shows what a finding rests on. What an API or a file showed is no word about the public directory until
-- the website was looked at: every row of it, or a sample drawn beforehand. The frame is the findings of one source that the website
-- has not confirmed; its hash seeds the draw, so the rows drawn are the same on any machine and nobody chooses them. So many are drawn
-- that a share is known to five points either way at 95 % (worst case, finite population): 80 of 100, 197 of 400, all of a few.
with looked as (
  select distinct listing.snapshot_id
  from matching.across
  join curated.listing on listing.listing_id = across.listing_id
  where across.other_surface = 'website'
), seen as (
  select listing_id, min(other_listing_id) as website_listing_id, min(other_observed_on) as seen_on
  from matching.across
  where other_surface = 'website' and is_same_place
  group by listing_id
), stated as (
  select
    finding.finding_id, finding.listing_id, finding.source_id, source.surface, finding.state <> 'resolved' as is_current,
    seen.website_listing_id, seen.seen_on,
    case
      when source.surface in ('website', 'saved_page') then 'not needed'
      when seen.listing_id is not null then 'confirmed'
      when looked.snapshot_id is not null then 'not seen'
      else 'awaiting' end as website
  from matching.finding
  left join curated.listing on listing.listing_id = finding.listing_id
  left join curated.source on source.source_id = finding.source_id
  left join seen on seen.listing_id = finding.listing_id
  left join looked on looked.snapshot_id = listing.snapshot_id
), frame as (
  select source_id, count(*) as size, sha256(string_agg(finding_id, ',' order by finding_id)) as frame_sha256
  from stated
  where is_current and website in ('awaiting', 'not seen')
  group by source_id
), drawn as (
  select
    stated.finding_id, frame.frame_sha256,
    row_number() over (partition by stated.source_id order by sha256(concat(frame.frame_sha256, stated.finding_id))) as draw,
    ceil(384.16 / (1 + 383.16 / frame.size)) as wanted
  from stated
  join frame on frame.source_id = stated.source_id
  where stated.is_current and stated.website in ('awaiting', 'not seen')
)
select
  stated.finding_id, stated.listing_id, stated.source_id, stated.surface, stated.is_current,
  stated.website <> 'not needed' as needs_website, stated.website, stated.website_listing_id,
  drawn.frame_sha256, drawn.draw, coalesce(drawn.draw <= drawn.wanted, false) as is_drawn,
  case stated.website
    when 'confirmed' then concat('The insurer''s website showed the same person at the same place in this network on ', stated.seen_on, '.')
    when 'not seen' then concat('Shown by the insurer''s ', coalesce(replace(replace(stated.surface, 'api', 'API'), 'pdf', 'PDF'), 'source'),
      ', and not recognised on its website as captured: no word about the public directory until somebody has looked there.')
    when 'awaiting' then concat('Shown by the insurer''s ', coalesce(replace(replace(stated.surface, 'api', 'API'), 'pdf', 'PDF'), 'source'),
      '; awaits confirmation on its public website.') end as note
from stated
left join drawn on drawn.finding_id = stated.finding_id
