#include "format/archive/vectors_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace perdure::format {

namespace {

constexpr std::size_t kinds_max = 16, models_max = 4096, id_characters_max = 128;

struct ElementType {
    std::string_view dtype, descr;
    std::size_t bytes;
};
constexpr ElementType element_types[] = {
    {"f32", "<f4", 4}, {"f64", "<f8", 8}, {"f16", "<f2", 2}, {"i8", "|i1", 1}, {"u8", "|u1", 1}};

ElementType const* element_type(std::string_view dtype) {
    auto const* const found = std::ranges::find(element_types, dtype, &ElementType::dtype);
    return found == std::end(element_types) ? nullptr : found;
}

std::uint64_t characters(std::string_view utf8) {
    return static_cast<std::uint64_t>(std::ranges::count_if(
        utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// As numpy's "<U" holds it: four bytes a character, zeros behind.
void append_wide(Bytes& out, std::string_view utf8, std::uint64_t width) {
    auto const end = out.size() + width * 4;
    while (!utf8.empty()) {
        auto const length = utf8_length(utf8);
        auto const first = static_cast<unsigned char>(utf8[0]);
        std::uint32_t code = length == 1 ? first : first & (0xffU >> (length + 1));
        for (std::size_t i = 1; i < length; ++i) {
            code = code << 6 | (static_cast<unsigned char>(utf8[i]) & 0x3fU);
        }
        for (unsigned shift = 0; shift < 32; shift += 8) {
            out.push_back(std::byte(static_cast<std::uint8_t>(code >> shift)));
        }
        utf8.remove_prefix(length);
    }
    out.resize(end);
}

NpzArray text_array(std::string name, std::uint64_t rows, std::uint64_t width) {
    return {.name = std::move(name),
            .descr = fmt::format("<U{}", width),
            .shape = {rows},
            .element_bytes = width * 4,
            .feed = {}};
}

/// Ids lie in their spool each with a length before it, of one byte or two.
Result<void> feed_ids(Spool& ids, std::uint64_t width, ByteSink const& sink) {
    Bytes waiting, wide;
    PD_CHECK(copy_spool(ids, [&](ByteView bytes) -> Result<void> {
        append(waiting, bytes);
        std::size_t at = 0;
        wide.clear();
        while (at + 2 <= waiting.size()) {
            auto const length = std::to_integer<std::size_t>(waiting[at]) |
                                std::to_integer<std::size_t>(waiting[at + 1]) << 8;
            if (waiting.size() - at - 2 < length) break;
            append_wide(wide, as_text(ByteView(waiting).subspan(at + 2, length)), width);
            at += 2 + length;
        }
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(at));
        return sink(wide);
    }));
    PD_ASSERT(waiting.empty());
    return {};
}

}  // namespace

std::string vector_id(std::string_view id) {
    bool const fits =
        is_utf8(id) && characters(id) <= id_characters_max && !id.ends_with('\0') && !id.empty();
    return fits ? std::string(id) : "sha256:" + to_hex(crypto::sha256(as_bytes(id)));
}

std::string VectorsPart::Kind::suffix(bool first) const {
    return first ? "" : fmt::format("_{}_{}", dtype, dimension);
}

Result<VectorsPart> VectorsPart::open(OutputTree& tree, std::string const& name) {
    VectorsPart part;
    part.tree_ = &tree;
    part.name_ = name;
    return part;
}

Result<void> VectorsPart::open_spools(Kind& kind, std::size_t position) {
    auto const base = fmt::format("{}-vectors-{}", name_, position);
    PD_TRY(kind.vectors, tree_->spool(base));
    PD_TRY(kind.ids, tree_->spool(base + "-ids"));
    PD_TRY(kind.models, tree_->spool(base + "-models"));
    return {};
}

Result<VectorsPart::Kind*> VectorsPart::kind_for(std::string_view dtype, std::uint64_t dimension) {
    for (auto& kind : kinds_) {
        if (kind.dtype == dtype && kind.dimension == dimension) return &kind;
    }
    if (kinds_.size() == kinds_max) return nullptr;
    Kind kind{.dtype = std::string(dtype), .dimension = dimension};
    PD_CHECK(open_spools(kind, kinds_.size()));
    kinds_.push_back(std::move(kind));
    return &kinds_.back();
}

std::optional<std::uint16_t> VectorsPart::model_for(std::string_view model) {
    if (!is_utf8(model) || characters(model) > id_characters_max || model.ends_with('\0')) {
        return std::nullopt;
    }
    auto found = std::ranges::find(models_, model, &std::pair<std::string, std::uint64_t>::first);
    if (found == models_.end()) {
        if (models_.size() == models_max) return std::nullopt;
        found = models_.insert(models_.end(), {std::string(model), 0});
    }
    ++found->second;
    return static_cast<std::uint16_t>(found - models_.begin());
}

Result<std::optional<std::string>> VectorsPart::add(std::string_view id,
                                                    data::EmbeddingView const& vector) {
    auto const* type = element_type(vector.dtype);
    if (!type || vector.vector.empty() || vector.vector.size() % type->bytes != 0) {
        return std::optional<std::string>();
    }
    PD_TRY(auto* const kind, kind_for(vector.dtype, vector.vector.size() / type->bytes));
    if (!kind) return std::optional<std::string>();
    auto const model = model_for(vector.model);
    if (!model) return std::optional<std::string>();
    auto const text = vector_id(id);
    kind->widest_id = std::max(kind->widest_id, characters(text));
    Encoder line;
    line.u16(static_cast<std::uint16_t>(text.size()));
    line.raw(as_bytes(text));
    PD_CHECK(kind->ids->append(ByteView(line.view())));
    PD_CHECK(kind->vectors->append(vector.vector));
    Encoder position;
    position.u16(*model);
    PD_CHECK(kind->models->append(ByteView(position.view())));
    auto const suffix = kind->suffix(kind == &kinds_.front());
    return std::optional(fmt::format("vectors{}/{}", suffix, kind->rows++));
}

void VectorsPart::add_arrays(std::vector<NpzArray>& arrays, Kind const& kind, bool first) const {
    auto const suffix = kind.suffix(first);
    auto const* const type = element_type(kind.dtype);
    auto ids = text_array("ids" + suffix, kind.rows, kind.widest_id);
    ids.feed = [&kind](ByteSink const& sink) { return feed_ids(*kind.ids, kind.widest_id, sink); };
    arrays.push_back(std::move(ids));
    arrays.push_back(
        {.name = "vectors" + suffix,
         .descr = std::string(type->descr),
         .shape = {kind.rows, kind.dimension},
         .element_bytes = type->bytes,
         .feed = [&kind](ByteSink const& sink) { return copy_spool(*kind.vectors, sink); }});
    arrays.push_back(
        {.name = "model" + suffix,
         .descr = "<u2",
         .shape = {kind.rows},
         .element_bytes = 2,
         .feed = [&kind](ByteSink const& sink) { return copy_spool(*kind.models, sink); }});
}

Result<ArchiveFiles::Written> VectorsPart::write(ArchiveFiles& files, std::string_view name) {
    std::vector<NpzArray> arrays;
    auto const nothing = [](ByteSink const&) -> Result<void> { return {}; };
    if (kinds_.empty()) {
        arrays.push_back(text_array("ids", 0, 1));
        arrays.push_back({"vectors", "<f4", {0, 0}, 4, nothing});
        arrays.push_back({"model", "<u2", {0}, 2, nothing});
        arrays.front().feed = nothing;
    }
    for (auto const& kind : kinds_) add_arrays(arrays, kind, &kind == &kinds_.front());
    std::uint64_t width = 1;
    for (auto const& [model, count] : models_) width = std::max(width, characters(model));
    arrays.push_back(text_array("models", models_.size(), width));
    arrays.back().feed = [&](ByteSink const& sink) {
        Bytes wide;
        for (auto const& [model, count] : models_) append_wide(wide, model, width);
        return sink(wide);
    };
    return files.write(name, {.compressible = false, .size_bytes = npz_size_bytes(arrays)},
                       [&](Output& out) { return write_npz(out, arrays); });
}

std::uint64_t VectorsPart::count() const {
    std::uint64_t rows = 0;
    for (auto const& kind : kinds_) rows += kind.rows;
    return rows;
}

void VectorsPart::save(Encoder& out) const {
    out.varint(models_.size());
    for (auto const& [model, count] : models_) {
        out.text(model);
        out.varint(count);
    }
    out.varint(kinds_.size());
    for (auto const& kind : kinds_) {
        out.text(kind.dtype);
        out.varint(kind.dimension);
        out.varint(kind.rows);
        out.varint(kind.widest_id);
    }
}

Result<void> VectorsPart::restore(Decoder& in) {
    PD_TRY(auto const models, in.varint());
    for (std::uint64_t i = 0; i < models; ++i) {
        PD_TRY(auto model, in.text(4096));
        PD_TRY(auto const count, in.varint());
        models_.emplace_back(std::move(model), count);
    }
    PD_TRY(auto const kinds, in.varint());
    for (std::uint64_t i = 0; i < kinds; ++i) {
        Kind kind;
        PD_TRY(kind.dtype, in.text(16));
        PD_TRY(kind.dimension, in.varint());
        PD_TRY(kind.rows, in.varint());
        PD_TRY(kind.widest_id, in.varint());
        if (!element_type(kind.dtype)) return fail(Fault::corrupt, "an unknown element type");
        PD_CHECK(open_spools(kind, kinds_.size()));
        kinds_.push_back(std::move(kind));
    }
    return {};
}

}  // namespace perdure::format
