#include "origin/merge/part_schema.h"

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "origin/sqlite/fulltext.h"

namespace perdure::origin {

PartSchema part_schema(data::DatabaseSchema whole) {
    PartSchema out;
    std::set<std::string> gone, kept;
    for (auto const& object : whole.objects) {
        auto const table = parse_virtual_table(object.name, object.sql);
        if (object.type != "table" || table.module.empty()) continue;
        if (is_fulltext(table)) {
            bool const contentless = text_source(table) == TextSource::none;
            whole.settings["rebuild " + table.name] = contentless ? "empty" : table.module;
            kept.insert(ascii_lower(table.name + "_config"));
            continue;
        }
        gone.insert(ascii_lower(table.name));
        auto const own = ascii_lower(table.name) + "_";
        for (auto const& shadow : whole.tables) {
            auto const name = ascii_lower(shadow.name);
            if (shadow.shadow && name.starts_with(own)) gone.insert(name);
        }
        out.problems.push_back({table.name, "its module " + table.module +
                                                " mixes all records in tables of its own: it is "
                                                "left out of a part"});
    }
    out.schema = whole;
    std::erase_if(out.schema.objects, [&](auto const& object) {
        return gone.contains(ascii_lower(object.name)) || gone.contains(ascii_lower(object.table));
    });
    out.schema.tables.clear();
    for (auto const& table : whole.tables) {
        auto const name = ascii_lower(table.name);
        out.settings.emplace_back();
        if (gone.contains(name)) continue;
        if (table.shadow && kept.contains(name)) {
            out.settings.back() = static_cast<std::uint32_t>(out.schema.tables.size());
            out.has_settings = true;
        }
        out.schema.tables.push_back(table);
    }
    return out;
}

}  // namespace perdure::origin
