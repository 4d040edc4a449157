#pragma once

#include "face/cli/invocation.h"
#include "job/drill.h"
#include "service/snapshots.h"
#include "service/workspace.h"

namespace perdure::face {

/// The configuration that the invocation means, opened. With --destination only that one.
Result<std::unique_ptr<service::Workspace>> open_workspace(Invocation& in);
/// The same; a destination of the name that --confirm gives may be filled anew.
Result<std::unique_ptr<service::Workspace>> open_to_fill(Invocation& in);
/// The same for a command that only reads: nothing changes at the destinations.
Result<std::unique_ptr<service::Workspace>> open_to_read(Invocation& in);

/// A snapshot as events and summaries tell it.
JsonObject snapshot_object(repository::Snapshot const& snapshot);
/// What a drill proved, in words: "equal to the live source".
std::string_view equality_words(job::Equality equality);
/// What of a drilled source only its application could judge. No problem, hence no error event.
void tell_not_judged(Output& out, job::DrilledSource const& source);
std::string joined(std::vector<std::string> const& words, std::string_view separator = ", ");
/// The same for a cell of a table: the first five of many.
std::string some_of(std::vector<std::string> names);
/// restore … --to live or into a file: plan, show, confirm, apply.
Result<int> restore_in_place(Invocation& in);

// One function a command, in the order of the table.
Result<int> run_quickstart(Invocation&);
Result<int> run_demo(Invocation&);
Result<int> run_init(Invocation&);
Result<int> run_config_check(Invocation&);
Result<int> run_config_show(Invocation&);
Result<int> run_config_schema(Invocation&);
Result<int> run_doctor(Invocation&);
Result<int> run_status(Invocation&);
Result<int> run_source_discover(Invocation&);
Result<int> discover_server(Invocation&);  ///< what source discover does with --server
Result<int> run_source_add(Invocation&);
Result<int> run_source_list(Invocation&);
Result<int> run_source_test(Invocation&);
Result<int> run_destination_add(Invocation&);
Result<int> run_destination_list(Invocation&);
Result<int> run_destination_test(Invocation&);
Result<int> run_backup(Invocation&);
Result<int> run_backup_list(Invocation&);
Result<int> run_backup_show(Invocation&);
Result<int> run_backup_verify(Invocation&);
Result<int> run_backup_diff(Invocation&);
Result<int> run_backup_find(Invocation&);
Result<int> run_backup_history(Invocation&);
Result<int> run_backup_pin(Invocation&);
Result<int> run_backup_unpin(Invocation&);
Result<int> run_backup_delete(Invocation&);
Result<int> run_backup_cleanup(Invocation&);
Result<int> run_backup_sync(Invocation&);
Result<int> run_restore(Invocation&);
Result<int> run_restore_plan(Invocation&);
Result<int> run_restore_apply(Invocation&);
Result<int> run_restore_undo(Invocation&);
Result<int> run_restore_drill(Invocation&);
Result<int> run_restore_drill_list(Invocation&);
Result<int> run_export(Invocation&);
Result<int> run_export_resume(Invocation&);
Result<int> run_export_formats(Invocation&);
Result<int> run_export_batch(Invocation&);
Result<int> run_export_list(Invocation&);
Result<int> run_export_verify(Invocation&);
/// Of a portable archive from anywhere: export verify comes here where nothing is remembered.
Result<int> run_archive_verify(Invocation&);
Result<int> run_export_share(Invocation&);
Result<int> run_export_share_list(Invocation&);
Result<int> run_export_share_revoke(Invocation&);
Result<int> run_export_template_list(Invocation&);
Result<int> run_export_template_show(Invocation&);
Result<int> run_export_template_check(Invocation&);
Result<int> run_export_schema(Invocation&);
Result<int> run_retention_preview(Invocation&);
Result<int> run_repo_check(Invocation&);
Result<int> run_repo_repair(Invocation&);
Result<int> run_repo_compact(Invocation&);
Result<int> run_repo_stats(Invocation&);
Result<int> run_key_add(Invocation&);
Result<int> run_key_list(Invocation&);
Result<int> run_key_remove(Invocation&);
Result<int> run_key_rotate(Invocation&);
Result<int> run_key_merge(Invocation&);
Result<int> run_key_recovery_kit(Invocation&);
Result<int> run_verify_report(Invocation&);
Result<int> run_report_inventory(Invocation&);
Result<int> run_report_integrity(Invocation&);
Result<int> run_report_permissions(Invocation&);
Result<int> run_report_restore(Invocation&);
Result<int> run_report_custody(Invocation&);
Result<int> run_report_runbook(Invocation&);
Result<int> run_report_key_show(Invocation&);
Result<int> run_report_key_rotate(Invocation&);
Result<int> run_runs_list(Invocation&);
Result<int> run_runs_show(Invocation&);
Result<int> run_completion(Invocation&);
Result<int> run_version(Invocation&);

}  // namespace perdure::face
