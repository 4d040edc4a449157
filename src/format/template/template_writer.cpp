#include "format/template/template_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "format/record/text_writer.h"
#include "format/template/template_data.h"

namespace perdure::format {

namespace {

/// A template that writes more than this is not what anybody wanted.
constexpr std::uint64_t output_bytes_max = std::uint64_t{1} << 40;

std::string option(ExportInfo const& info, std::string const& name) {
    auto const found = info.options.find(name);
    return found == info.options.end() ? std::string() : found->second;
}

class TemplateWriter : public TextWriter {
public:
    using TextWriter::TextWriter;

    Result<void> add(data::Record const& record, MediaLibrary&, std::stop_token) override {
        bool const new_type = next_type_ == 0 || record.type != info_.types[next_type_ - 1].type;
        if (new_type) PD_CHECK(open_type(record.type));
        tally().count(record.type);
        report_bad_text(record);
        fill_record_scope(record_, record, tally().summary().records, new_type);
        return render(template_.record, {&export_, &type_, &record_});
    }

private:
    std::string name() const override { return "records." + template_.extension; }

    Result<void> prepare(ExportInfo const& info) override {
        info_ = info;
        auto const text = option(info, "template");
        if (text.empty()) {
            return fail(Fault::invalid, "no template was named")
                .with_fix("perdure export --format template:FILE, or export template list");
        }
        PD_TRY(template_, parse_template(text, option(info, "template_name")));
        PD_CHECK(check_names(template_, info_.types));
        export_ = export_scope(info_);
        renderer_ = TemplateRenderer(template_.escape, {});
        return {};
    }

    Result<void> open(ExportInfo const&) override { return render(template_.header, {&export_}); }

    Result<void> close() override {
        while (next_type_ < info_.types.size()) PD_CHECK(next_type());
        PD_CHECK(close_type());
        export_["count"] = std::to_string(tally().summary().records);
        export_["records"] = tally().summary().records > 0;
        return render(template_.footer, {&export_});
    }

    void save(Encoder& state) const override {
        state.varint(next_type_);
        state.varint(of_type_);
    }

    Result<void> load(Decoder& state) override {
        PD_TRY(next_type_, state.varint());
        PD_TRY(of_type_, state.varint());
        if (next_type_ > info_.types.size()) return fail(Fault::corrupt, "a type too many");
        if (next_type_ > 0) type_ = type_scope(info_.types[next_type_ - 1]);
        return {};
    }

    Result<void> render(TemplateNodes const& nodes,
                        std::vector<TemplateScope const*> const& scopes) {
        PD_CHECK(renderer_.render(file().text, nodes, scopes));
        if (bytes_written() > output_bytes_max) {
            return fail(Fault::exhausted, "the template wrote more than 1 TiB");
        }
        return file().settle();
    }

    /// Types without records pass by with their header and footer, so that none is missing.
    Result<void> open_type(std::string_view type) {
        auto const found = std::ranges::find(info_.types, type, &data::RecordType::type);
        if (found == info_.types.end()) {
            return fail(Fault::invalid, fmt::format("\"{}\" was not announced", type));
        }
        auto const position = static_cast<std::size_t>(found - info_.types.begin());
        if (position < next_type_) {
            PD_CHECK(close_type());
            next_type_ = position;
        }
        while (next_type_ <= position) PD_CHECK(next_type());
        return {};
    }

    Result<void> next_type() {
        PD_CHECK(close_type());
        type_ = type_scope(info_.types[next_type_++]);
        of_type_ = 1;
        return render(template_.type_header, {&export_, &type_});
    }

    Result<void> close_type() {
        if (of_type_ == 0) return {};
        of_type_ = 0;
        return render(template_.type_footer, {&export_, &type_});
    }

    void report_bad_text(data::Record const& record) {
        for (auto const& field : record.fields) {
            auto const* text = std::get_if<std::string_view>(&field.value);
            if (text && !is_utf8(*text)) {
                tally().omit(record, field.name, "text that is not UTF-8 became U+FFFD");
            }
        }
    }

    ExportInfo info_;
    Template template_;
    TemplateScope export_, type_, record_;
    TemplateRenderer renderer_{Escape::text, {}};
    std::size_t next_type_ = 0;  ///< of info_.types
    std::uint64_t of_type_ = 0;  ///< 1: a type's header was written and its footer not yet
};

}  // namespace

std::unique_ptr<RecordWriter> open_template(OutputTree& tree) {
    return std::make_unique<TemplateWriter>(tree);
}

Result<TemplateFacts> check_template(std::string_view text, std::string_view file_name,
                                     std::span<data::RecordType const> types) {
    PD_TRY(auto const made, parse_template(text, file_name));
    if (!types.empty()) PD_CHECK(check_names(made, types));
    return TemplateFacts{std::string(escape_name(made.escape)), made.extension, made.description};
}

}  // namespace perdure::format
