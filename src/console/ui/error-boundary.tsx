import { Component, type ReactNode } from "react";
import { ErrorNote } from "./error-note.tsx";

interface ErrorBoundaryProps {
  children: ReactNode;
}

/** Shows what went wrong in place of a part of the page that cannot be shown, so that the rest stays. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { error: unknown }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error === undefined ? this.props.children : <ErrorNote error={this.state.error} />;
  }
}
