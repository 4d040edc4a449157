#pragma once

#include <string>

#include "base/time.h"

namespace perdure::format {

struct CivilDate {
    int year = 0;
    unsigned month = 1, day = 1, hour = 0, minute = 0;
};

/// In UTC; years beyond 0000 … 9999 are those.
CivilDate civil(Timestamp time);
std::string_view month_name(unsigned month);
std::string spoken_date(Timestamp time);           ///< "14 March 2024"
std::string spoken_time(Timestamp time);           ///< "14 March 2024, 09:30 UTC"
std::string spoken_month(std::string_view month);  ///< of "2024-03": "March 2024"
std::string month_of(Timestamp time);              ///< "2024-03"
std::string with_commas(std::uint64_t number);     ///< "57,734"
std::string spoken_size(std::uint64_t bytes);      ///< "4.3 MB"
/// "1 record", "2 records"
std::string counted(std::uint64_t number, std::string_view one, std::string_view many);

}  // namespace perdure::format
