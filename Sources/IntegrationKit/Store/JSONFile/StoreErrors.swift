// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The errors of the file store, each with what a person can do.
extension IntegrationError {
    private static func store(_ message: String, _ english: String, _ french: String) -> IntegrationError {
        IntegrationError(
            .storeFailed,
            message,
            remedy: LocalizedText(english, fr: french),
            concerns: .application
        )
    }

    /// A call of the file system failed.
    static func fileFailed(_ error: any Error) -> IntegrationError {
        if let error = error as? IntegrationError { return error }
        let failure = error as? FileFailure
        let what = failure.map { "\($0.call) of \($0.path) failed: \($0.reason)." } ?? "A file failed: \(error)."
        switch failure?.code {
        case ENOSPC, EDQUOT:
            return store(
                "The store cannot write: \(what)",
                "Free space on the disk; the store goes on by itself.",
                "Libérez de l’espace sur le disque ; le stockage reprendra de lui-même."
            )
        case EACCES, EPERM, EROFS:
            return store(
                "The store may not use its folder: \(what)",
                "Give the process the right to read and write the folder and its files.",
                "Donnez au processus le droit de lire et d’écrire le dossier et ses fichiers."
            )
        default:
            return store(
                "The store failed: \(what)",
                "Check the disk and the folder, then open the store again.",
                "Vérifiez le disque et le dossier, puis rouvrez le stockage."
            )
        }
    }

    /// Another opener has the store.
    static func storeInUse(_ folder: String, holder: String) -> IntegrationError {
        store(
            "The store in \(folder) is already open\(holder.isEmpty ? "" : " in \(holder)").",
            "Close the store there, or end that process; one process at a time can use a store.",
            "Fermez le stockage à cet endroit ou arrêtez ce processus ; un seul processus à la fois peut l’utiliser."
        )
    }

    /// A file is damaged where a crash cannot have done it.
    static func storeDamaged(_ file: String, line: Int?, _ what: String) -> IntegrationError {
        store(
            "\(file)\(line.map { ", line \($0)" } ?? "") is damaged: \(what).",
            "Restore the folder from a backup, or repair the store; the repair tells first what would be lost.",
            "Restaurez le dossier depuis une sauvegarde ou réparez le stockage ; la réparation indique d’abord ce qui serait perdu."
        )
    }

    /// A file of rows is gone.
    static func storeFileMissing(_ file: String) -> IntegrationError {
        store(
            "\(file) is missing.",
            "Restore the whole folder from a backup: nothing else says what the file held.",
            "Restaurez tout le dossier depuis une sauvegarde : rien d’autre n’indique ce que contenait le fichier."
        )
    }

    /// The store was written by a later version.
    static func storeTooNew(_ file: String) -> IntegrationError {
        store(
            "\(file) was written by a later version of the library.",
            "Use the version of the library that wrote the store, or a later one.",
            "Utilisez la version de la bibliothèque qui a écrit le stockage, ou une version ultérieure."
        )
    }

    /// The store is not open.
    static func storeClosed(_ folder: String, isSuspended: Bool) -> IntegrationError {
        store(
            "The store in \(folder) is \(isSuspended ? "suspended" : "closed").",
            isSuspended ? "Resume the store before it is used." : "Open the store again.",
            isSuspended ? "Reprenez le stockage avant de l’utiliser." : "Rouvrez le stockage."
        )
    }

    /// A commit does not fit into a line.
    static func commitTooLarge(_ bytes: Int) -> IntegrationError {
        IntegrationError(
            .invalidInput,
            "A commit of \(bytes) bytes is too large; a line holds \(StoreLine.longest).",
            remedy: LocalizedText(
                "Commit fewer rows at once.",
                fr: "Enregistrez moins de lignes à la fois."
            ),
            concerns: .application
        )
    }
}
