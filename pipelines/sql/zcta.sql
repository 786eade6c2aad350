select zip5, county_fips, share_land, share_land < 1 as is_straddling, latitude, longitude
from parsed.zcta
